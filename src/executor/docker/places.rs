//! What is at a path of an image, without starting anything of it.
//!
//! Before an engine starts a container, it reads `/etc/passwd` and `/etc/group` of the image itself, as root, into its
//! own memory and outside of every limit (moby's `daemon/oci_linux.go`, `getUser`): a device there fills the memory of the
//! host, a pipe keeps the call for ever. And what it mounts over must be there or be made. So an image is looked at when it
//! is new: by the engine's archive of a container that was made and never started, which opens neither.

use std::collections::BTreeMap;

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, DownloadFromContainerOptionsBuilder,
};
use futures_util::StreamExt;
use tar::{EntryType, Header};

use super::sandbox::{self, Role};
use super::{DockerEngine, refusal};
use crate::executor::{ExecutorError, Result};
use crate::model::{Found, ImageId, limits};

const BLOCK: usize = 512;
/// A file that is read to its end, for its longest line.
const READ_BYTES_MAX: u64 = 256 * 1024;
/// Names, attributes and content of one entry.
const LOOK_BYTES_MAX: usize = 1024 * 1024;

impl DockerEngine {
    /// What is at each of these paths. `name` is of the build, or load, that the image came from.
    pub(super) async fn look_into(
        &self,
        image: &ImageId,
        name: &str,
        paths: &[String],
    ) -> Result<BTreeMap<String, Found>> {
        let container = self.stand_in(image, name).await?;
        let found = self.look_at_all(&container, paths).await;
        let removed = self.remove_container(&container).await;
        let found = found?;
        removed?;
        Ok(found)
    }

    /// Makes a container of an image that is never started; its name.
    pub(super) async fn stand_in(&self, image: &ImageId, name: &str) -> Result<String> {
        let job = format!("{name}-look");
        let container = self.names(&job).container(Role::Canary);
        let mut labels = sandbox::owner_labels(&self.names(&job), Role::Canary);
        // Or it would carry that of its image.
        labels.insert(sandbox::label_name("kind"), "look".to_owned());
        let options = &CreateContainerOptionsBuilder::default()
            .name(&container)
            .build();
        let body = &ContainerCreateBody {
            image: Some(image.to_string()),
            // It is never started.
            entrypoint: Some(vec!["-".to_owned()]),
            network_disabled: Some(true),
            labels: Some(labels),
            host_config: Some(HostConfig {
                network_mode: Some("none".to_owned()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        self.remove_container(&container).await?;
        self.call("create", |docker| async move {
            let options = Some(options.clone());
            docker.create_container(options, body.clone()).await
        })
        .await??;
        Ok(container)
    }

    async fn look_at_all(
        &self,
        container: &str,
        paths: &[String],
    ) -> Result<BTreeMap<String, Found>> {
        let mut all = BTreeMap::new();
        for path in paths {
            all.insert(path.clone(), self.look_at(container, path).await?);
        }
        Ok(all)
    }

    async fn look_at(&self, container: &str, path: &str) -> Result<Found> {
        let unreachable = |why: String| ExecutorError::Unreachable(format!("archive: {why}"));
        let client = self.client().map_err(|e| unreachable(e.to_string()))?;
        let options = DownloadFromContainerOptionsBuilder::default()
            .path(path)
            .build();
        let mut stream = std::pin::pin!(client.download_from_container(container, Some(options)));
        let mut seen = Vec::new();
        loop {
            let piece = tokio::time::timeout(limits::ENGINE_CALL_TIME.std(), stream.next()).await;
            match piece.map_err(|_| unreachable("it stalls".to_owned()))? {
                Some(Ok(piece)) => seen.extend_from_slice(&piece),
                Some(Err(error)) => match refusal(error) {
                    Ok(refusal) if refusal.status == 404 => return Ok(Found::Nothing),
                    Ok(refusal) => return Ok(Found::Unreadable(refusal.message)),
                    Err(why) => return Err(unreachable(why)),
                },
                None => return Ok(Found::Unreadable("its archive breaks off".to_owned())),
            }
            if let Some(found) = first_entry(&seen) {
                return Ok(found);
            }
            if seen.len() > LOOK_BYTES_MAX {
                return Ok(Found::Unreadable("its names are too long".to_owned()));
            }
        }
    }
}

/// What the first entry of an archive is, as soon as enough of it has been `seen`.
fn first_entry(mut seen: &[u8]) -> Option<Found> {
    loop {
        let (block, rest) = seen.split_at_checked(BLOCK)?;
        let header = Header::from_byte_slice(block);
        let size = header.entry_size().unwrap_or(u64::MAX);
        let kind = header.entry_type();
        if !(kind.is_pax_local_extensions() || kind.is_pax_global_extensions()) {
            return entry(kind, size, rest);
        }
        let padded = usize::try_from(size.div_ceil(BLOCK as u64)).ok()? * BLOCK;
        seen = rest.get(padded..)?;
    }
}

fn entry(kind: EntryType, bytes: u64, rest: &[u8]) -> Option<Found> {
    Some(match kind {
        EntryType::Directory => Found::Directory,
        EntryType::Symlink => Found::Link,
        EntryType::Regular | EntryType::Continuous if bytes > READ_BYTES_MAX => Found::File {
            bytes,
            longest_line: None,
        },
        EntryType::Regular | EntryType::Continuous => {
            let content = rest.get(..usize::try_from(bytes).ok()?)?;
            let lines = content.split(|b| *b == b'\n').map(<[u8]>::len);
            let longest_line = Some(lines.max().unwrap_or(0) as u64);
            Found::File {
                bytes,
                longest_line,
            }
        }
        _ => Found::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(kind: EntryType, content: &[u8], named: bool) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        if named {
            let long = "é".repeat(300);
            tar.append_pax_extensions([("path", long.as_bytes())])
                .unwrap();
        }
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_path("group").unwrap();
        header.set_cksum();
        tar.append(&header, content).unwrap();
        tar.into_inner().unwrap()
    }

    #[test]
    fn the_first_entry_is_told_from_its_header() {
        for (kind, expected) in [
            (EntryType::Directory, Found::Directory),
            (EntryType::Symlink, Found::Link),
            (EntryType::Fifo, Found::Other),
            (EntryType::Char, Found::Other),
        ] {
            for named in [false, true] {
                assert_eq!(
                    first_entry(&archive(kind, b"", named)),
                    Some(expected.clone())
                );
            }
        }
    }

    #[test]
    fn a_small_file_is_read_to_its_longest_line() {
        let whole = archive(EntryType::Regular, b"a\nlonger\n", true);
        let file = |bytes, longest_line| Found::File {
            bytes,
            longest_line,
        };
        assert_eq!(first_entry(&whole), Some(file(9, Some(6))));
        for cut in [0, 100, BLOCK, whole.len() - 1536] {
            assert_eq!(first_entry(&whole[..cut]), None, "{cut}");
        }
        let large = archive(EntryType::Regular, &vec![0; 300_000], false);
        assert_eq!(first_entry(&large[..BLOCK]), Some(file(300_000, None)));
    }
}
