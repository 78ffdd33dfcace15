//! The kind of file at a path of an image, found without starting the image.
//!
//! Before an engine starts a container, it reads `/etc/passwd` and `/etc/group` of the image itself: as root, into its
//! own memory, outside of every limit (moby's `daemon/oci_linux.go`, `getUser`). A device with such a name fills the
//! host's memory, and a pipe blocks the call for ever. The engine also needs every mount point to be a directory or
//! absent. So Referee inspects a new image through the engine's archive of a container that is never started. The
//! archive opens none of these files.

use std::collections::BTreeMap;
use std::io::Read;

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::CreateContainerOptionsBuilder;
use tar::EntryType;

use super::connection::DockerEngine;
use super::sandbox::{self, Role};
use crate::executor::Result;
use crate::model::tar_reader::{TarError, TarReader};
use crate::model::{Found, ImageId};

/// A file up to this size is read to its end for its longest line.
const READ_BYTES_MAX: u64 = 256 * 1024;
/// Bytes of names, attributes and content of one entry.
const ENTRY_BYTES_MAX: u64 = 1024 * 1024;

impl DockerEngine {
    /// The kind of file at each of these paths. `name` is the name of the image's build or load.
    pub(super) async fn files_at(
        &self,
        image: &ImageId,
        name: &str,
        paths: &[String],
    ) -> Result<BTreeMap<String, Found>> {
        let container = self.create_unstarted(image, name).await?;
        let found = self.files_in(&container, paths).await;
        let removed = self.remove_container(&container).await;
        let found = found?;
        removed?;
        Ok(found)
    }

    /// Creates a container of an image that is never started, and returns its name.
    pub(super) async fn create_unstarted(&self, image: &ImageId, name: &str) -> Result<String> {
        let job = format!("{name}-inspect");
        let container = self.names(&job).container(Role::Probe);
        // This label replaces the kind that the image has.
        let mut labels = sandbox::prefixed_labels(&[("kind".to_owned(), "inspect".to_owned())]);
        labels.extend(sandbox::owner_labels(&self.names(&job), Role::Probe));
        let options = &CreateContainerOptionsBuilder::default().name(&container).build();
        let body = &ContainerCreateBody {
            image: Some(image.to_string()),
            // An image may have no program, but a container needs one. It never runs.
            entrypoint: Some(vec!["-".to_owned()]),
            network_disabled: Some(true),
            labels: Some(labels),
            host_config: Some(HostConfig { network_mode: Some("none".to_owned()), ..HostConfig::default() }),
            ..ContainerCreateBody::default()
        };
        self.remove_container(&container).await?;
        self.call("create container", |docker| async move {
            let options = Some(options.clone());
            docker.create_container(options, body.clone()).await
        })
        .await??;
        Ok(container)
    }

    async fn files_in(&self, container: &str, paths: &[String]) -> Result<BTreeMap<String, Found>> {
        let mut all = BTreeMap::new();
        for path in paths {
            let found = match self.read_archive(container, path, first_entry).await? {
                Ok(found) => found,
                Err(refusal) if refusal.status == 404 => Found::Nothing,
                Err(refusal) => Found::Unreadable(refusal.message),
            };
            all.insert(path.clone(), found);
        }
        Ok(all)
    }
}

/// The kind of the first entry of an archive.
fn first_entry(archive: impl Read) -> Found {
    let mut limited = archive.take(ENTRY_BYTES_MAX);
    match read_first_entry(&mut limited) {
        Ok(found) => found,
        Err(TarError::Broken | TarError::Io(_)) if limited.limit() > 0 => {
            Found::Unreadable("its archive is broken".to_owned())
        }
        Err(_) => Found::Unreadable("its names are too long".to_owned()),
    }
}

fn read_first_entry(archive: impl Read) -> std::result::Result<Found, TarError> {
    let mut tar = TarReader::new(archive, ENTRY_BYTES_MAX);
    let entry = tar.next_entry()?.ok_or(TarError::Broken)?;
    let bytes = entry.size;
    Ok(match entry.kind() {
        EntryType::Directory => Found::Directory,
        EntryType::Symlink => Found::Link,
        EntryType::Regular | EntryType::Continuous if bytes > READ_BYTES_MAX => {
            Found::File { bytes, longest_line: None }
        }
        EntryType::Regular | EntryType::Continuous => {
            let mut content = Vec::new();
            tar.content().read_to_end(&mut content)?;
            if content.len() as u64 != bytes {
                return Err(TarError::Broken);
            }
            let lines = content.split(|b| *b == b'\n').map(<[u8]>::len);
            Found::File { bytes, longest_line: Some(lines.max().unwrap_or(0) as u64) }
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
            tar.append_pax_extensions([("path", long.as_bytes())]).unwrap();
        }
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_path("group").unwrap();
        header.set_cksum();
        tar.append(&header, content).unwrap();
        tar.into_inner().unwrap()
    }

    #[test]
    fn the_kind_of_the_first_entry_is_read_from_its_header() {
        for (kind, expected) in [
            (EntryType::Directory, Found::Directory),
            (EntryType::Symlink, Found::Link),
            (EntryType::Fifo, Found::Other),
            (EntryType::Char, Found::Other),
        ] {
            for named in [false, true] {
                let found = first_entry(&archive(kind, b"", named)[..]);
                assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn a_small_file_is_read_for_its_longest_line() {
        let whole = archive(EntryType::Regular, b"a\nlonger\n", true);
        let file = |bytes, longest_line| Found::File { bytes, longest_line };
        assert_eq!(first_entry(&whole[..]), file(9, Some(6)));
        for length in [0, 100, 512, whole.len() - 1536] {
            let broken = Found::Unreadable("its archive is broken".to_owned());
            assert_eq!(first_entry(&whole[..length]), broken, "{length}");
        }
        let large = archive(EntryType::Regular, &vec![0; 300_000], false);
        assert_eq!(first_entry(&large[..512]), file(300_000, None));
        let names = "x".repeat(1 << 20);
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_pax_extensions([("path", names.as_bytes())]).unwrap();
        let found = first_entry(&tar.into_inner().unwrap()[..]);
        assert_eq!(found, Found::Unreadable("its names are too long".to_owned()));
    }
}
