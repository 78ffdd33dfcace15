//! An image into an archive, for another engine.
//!
//! The engine that builds runs untrusted Dockerfiles, so its archives are untrusted. An archive is refused if it is
//! larger than announced, contains another image, or names an image. The engine that loads it would give such a name,
//! for example `referee/python:3.11`, to an untrusted image.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use futures_util::StreamExt;
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;

use super::connection::{DockerEngine, blocking, refusal};
use crate::executor::{ExecutorError, Result};
use crate::model::{ImageId, limits};

/// The files in which engines find the contents of an archive. The second one is for old archives only.
const LIST: &str = "manifest.json";
const OLD_LIST: &str = "repositories";

/// An image in the list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedImage {
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
}

impl DockerEngine {
    pub(super) async fn save_archive(&self, image: &ImageId, into: &Path, bytes_max: u64) -> Result<()> {
        let time = limits::IMAGE_LOAD_TIME;
        let late = |_| ExecutorError::Unreachable(format!("save: no end within {time}"));
        tokio::time::timeout(time.std(), self.export(image, into, bytes_max)).await.map_err(late)??;
        let path = into.to_owned();
        match blocking(move || archive_problem(File::open(path)?)).await?? {
            None => Ok(()),
            Some(problem) => Err(ExecutorError::Refused(format!("its archive of {image} cannot be used: {problem}"))),
        }
    }

    async fn export(&self, image: &ImageId, into: &Path, bytes_max: u64) -> Result<()> {
        // The answer begins after the whole image was packed.
        let client = self.client()?.with_timeout(limits::IMAGE_LOAD_TIME.std());
        let mut file = tokio::fs::File::create(into).await?;
        let mut pieces = std::pin::pin!(client.export_image(image.as_str()));
        let mut bytes = 0u64;
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| match refusal(error) {
                Ok(refusal) => refusal.into(),
                Err(why) => ExecutorError::Unreachable(format!("save: {why}")),
            })?;
            bytes = bytes.saturating_add(piece.len() as u64);
            if bytes > bytes_max {
                return Err(ExecutorError::Refused(format!(
                    "the archive of {image} has more than {bytes_max} bytes, so it is not the image that was built"
                )));
            }
            file.write_all(&piece).await?;
        }
        file.flush().await?;
        Ok(())
    }
}

/// The problem of an archive that should contain one image without a name. Every entry with the name of a list counts
/// as a list, in any folder and of any kind, because an engine that unpacks the archive may be led there.
fn archive_problem(archive: impl io::Read + io::Seek) -> io::Result<Option<String>> {
    let mut archive = tar::Archive::new(archive);
    let mut lists = 0;
    for entry in archive.entries_with_seek()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if name == OLD_LIST {
            // Engines write this file only for tagged images.
            return Ok(Some(format!("it contains image names in `{}`", path.display())));
        }
        if name != LIST {
            continue;
        }
        lists += 1;
        if lists > 1 || !entry.header().entry_type().is_file() || path != Path::new(LIST) {
            return Ok(Some(format!("`{}` is a second list of images, or not a regular file", path.display())));
        }
        let mut text = String::new();
        let mut part = (&mut entry).take(limits::IMAGE_LIST_BYTES_MAX);
        part.read_to_string(&mut text)?;
        if let Some(problem) = list_problem(&text) {
            return Ok(Some(problem));
        }
    }
    Ok((lists == 0).then(|| format!("it has no {LIST}")))
}

fn list_problem(list: &str) -> Option<String> {
    let images: Vec<ListedImage> = match serde_json::from_str(list) {
        Ok(images) => images,
        Err(error) => return Some(format!("{LIST} cannot be read: {error}")),
    };
    let [image] = images.as_slice() else {
        return Some(format!("it contains {} images", images.len()));
    };
    let names = image.repo_tags.as_deref().unwrap_or_default();
    (!names.is_empty()).then(|| format!("it gives its image the name {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"[{"Config":"a.json","RepoTags":null,"Layers":["b/layer.tar"]}]"#;

    fn archive(files: &[(&str, &str)]) -> Option<String> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            tar.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        archive_problem(io::Cursor::new(tar.into_inner().unwrap())).unwrap()
    }

    #[test]
    fn one_image_without_a_name_is_accepted() {
        let files = [("b/layer.tar", "x"), ("a.json", "{}"), ("manifest.json", ONE)];
        assert_eq!(archive(&files), None);
        let empty = ONE.replace("null", "[]");
        assert_eq!(archive(&[("manifest.json", &empty)]), None);
    }

    #[test]
    fn names_and_other_images_are_refused() {
        let named = ONE.replace("null", r#"["referee/python:3.11"]"#);
        let two = format!("[{0},{0}]", &ONE[1..ONE.len() - 1]);
        for (files, message) in [
            (vec![("a.json", "{}")], "it has no manifest.json"),
            (vec![("manifest.json", named.as_str())], "it gives its image the name referee/python:3.11"),
            (vec![("manifest.json", two.as_str())], "it contains 2 images"),
            (vec![("manifest.json", "[]")], "it contains 0 images"),
            (
                vec![("manifest.json", ONE), ("manifest.json", named.as_str())],
                "`manifest.json` is a second list of images, or not a regular file",
            ),
            (
                vec![("d/manifest.json", named.as_str()), ("manifest.json", ONE)],
                "`d/manifest.json` is a second list of images, or not a regular file",
            ),
            (vec![("manifest.json", ONE), ("repositories", "{}")], "it contains image names in `repositories`"),
        ] {
            assert_eq!(archive(&files).as_deref(), Some(message));
        }
        let long = " ".repeat(usize::try_from(limits::IMAGE_LIST_BYTES_MAX).unwrap()) + ONE;
        let message = archive(&[("manifest.json", &long)]).unwrap();
        assert!(message.starts_with("manifest.json cannot be read"), "{message}");
    }

    #[test]
    fn a_link_instead_of_the_list_is_refused() {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, "manifest.json", "other").unwrap();
        let archive = io::Cursor::new(tar.into_inner().unwrap());
        let message = archive_problem(archive).unwrap();
        assert_eq!(message.as_deref(), Some("`manifest.json` is a second list of images, or not a regular file"));
    }
}
