//! An untrusted build by the classic builder: up to the next of its [`super::checkpoints`], an inspection, and on.
//!
//! A build uses the engine's cache only for its own steps. A label with a random word behind each `FROM` keeps it out
//! of the cache of every other build.

use std::collections::BTreeMap;
use std::io::Read;

use tar::EntryType;

use super::archive_stream::EXTENDED_BYTES_MAX;
use super::build::{BuildPart, RunningBuild};
use super::build_label::labelled;
use super::checkpoints::{self, CopyFromStage};
use super::connection::DockerEngine;
use crate::executor::{BuildEnd, BuildSpec, ExecutorError, Result};
use crate::model::ImageId;
use crate::model::tar_reader::TarReader;
use crate::rules;

/// Links that a source of `COPY --from` may go through.
const LINKS_MAX: usize = 8;

impl DockerEngine {
    /// Builds a Dockerfile in parts and inspects the result of each part. `None` if the engine reports no failure and
    /// nothing was found that the engine must not read.
    pub(super) async fn build_inspected(
        &self,
        spec: &BuildSpec,
        running: &mut RunningBuild,
        key: &str,
    ) -> Result<Option<BuildEnd>> {
        let plan = checkpoints::plan(&spec.dockerfile);
        let label = format!("{} referee.build-key={key}", self.made_by());
        let lines: Vec<&str> = spec.dockerfile.lines().collect();
        let mut stages: BTreeMap<usize, ImageId> = BTreeMap::new();
        for (at, checkpoint) in plan.checkpoints.iter().enumerate() {
            let copies = plan.copies.iter().filter(|copy| copy.checkpoints == at);
            if let Some(end) = self.inspect_copies(spec, copies, &stages).await? {
                return Ok(Some(end));
            }
            let beginning = lines[..checkpoint.lines.min(lines.len())].join("\n") + "\n";
            let part = BuildPart { dockerfile: labelled(&beginning, &label), is_last: false, use_cache: at > 0 };
            if let Some(end) = self.build_part(spec, running, &part).await? {
                return Ok(Some(end));
            }
            let tag = self.build_tag(&BuildPart::name(spec));
            let image = self.image_facts(&tag).await?.ok_or_else(|| {
                ExecutorError::Refused(
                    "a part of the build ended without an error, but the engine has no image of it".to_owned(),
                )
            })?;
            if let Some(message) = self.account_file_problem(&image.id, &spec.name).await? {
                return Ok(Some(BuildEnd::Failed { step: Some(checkpoint.step), message }));
            }
            stages.insert(checkpoint.stage, image.id);
        }
        let all = plan.checkpoints.len();
        let copies = plan.copies.iter().filter(|copy| copy.checkpoints == all);
        if let Some(end) = self.inspect_copies(spec, copies, &stages).await? {
            return Ok(Some(end));
        }
        let part = BuildPart { dockerfile: labelled(&spec.dockerfile, &label), is_last: true, use_cache: all > 0 };
        self.build_part(spec, running, &part).await
    }

    /// The first problem of `/etc/passwd` and `/etc/group`, which the engine reads before the next step.
    async fn account_file_problem(&self, image: &ImageId, name: &str) -> Result<Option<String>> {
        let found = self.files_at(image, name, &rules::image::account_files()).await?;
        let problem = rules::image::account_file_problems(&found).into_iter().next();
        Ok(problem
            .map(|problem| format!("{problem}, and the engine reads it before the next step: keep it a regular file")))
    }

    /// The end of the build, if one of these instructions would make the engine open a device or a pipe.
    async fn inspect_copies(
        &self,
        spec: &BuildSpec,
        copies: impl Iterator<Item = &CopyFromStage>,
        stages: &BTreeMap<usize, ImageId>,
    ) -> Result<Option<BuildEnd>> {
        for copy in copies {
            let Some(image) = stages.get(&copy.stage) else {
                continue;
            };
            let container = self.create_unstarted(image, &spec.name).await?;
            let special = self.first_special_file(&container, &copy.sources).await;
            self.remove_container(&container).await?;
            if let Some(path) = special? {
                let message = format!(
                    "COPY failed: `{path}` is a device or a pipe, or leads through many links: only files, folders \
                     and links can be copied"
                );
                return Ok(Some(BuildEnd::Failed { step: Some(copy.step), message }));
            }
        }
        Ok(None)
    }

    /// The first of these paths that is, or leads to, a device or a pipe.
    async fn first_special_file(&self, container: &str, sources: &[String]) -> Result<Option<String>> {
        for source in sources {
            let (mut path, mut links) = (source.clone(), 0);
            loop {
                match self.copied_files(container, &path).await? {
                    CopiedFiles::Ordinary => break,
                    CopiedFiles::Special(path) => return Ok(Some(path)),
                    CopiedFiles::Link(_) if links == LINKS_MAX => return Ok(Some(source.clone())),
                    CopiedFiles::Link(target) if target.starts_with('/') => path = target,
                    CopiedFiles::Link(target) => {
                        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                        path = format!("{folder}/{target}");
                    }
                }
                links += 1;
            }
        }
        Ok(None)
    }

    async fn copied_files(&self, container: &str, path: &str) -> Result<CopiedFiles> {
        let unreadable = path.to_owned();
        let read = self.read_archive(container, path, move |archive| {
            copied_files(archive).unwrap_or(CopiedFiles::Special(unreadable))
        });
        // A path that does not exist or cannot be reached: the engine reports it when it copies.
        Ok(read.await?.unwrap_or(CopiedFiles::Ordinary))
    }
}

/// The files that the engine would open for a source of `COPY --from`.
#[derive(Debug, PartialEq, Eq)]
enum CopiedFiles {
    Ordinary,
    /// The source itself is a link, with this target.
    Link(String),
    /// This one is a device or a pipe.
    Special(String),
}

fn copied_files(archive: impl Read) -> std::io::Result<CopiedFiles> {
    let mut tar = TarReader::new(archive, EXTENDED_BYTES_MAX);
    let mut is_first = true;
    while let Some(entry) = tar.next_entry()? {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match entry.kind() {
            EntryType::Symlink if is_first => return Ok(CopiedFiles::Link(text(&entry.link))),
            EntryType::Fifo | EntryType::Char | EntryType::Block => {
                return Ok(CopiedFiles::Special(text(&entry.path)));
            }
            _ => is_first = false,
        }
    }
    Ok(CopiedFiles::Ordinary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_with_its_whole_target() {
        let long = format!("/{}/pipe", "x/".repeat(80));
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_pax_extensions([("linkpath", long.as_bytes())]).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        header.set_path("f").unwrap();
        header.set_link_name("/short").unwrap();
        header.set_cksum();
        tar.append(&header, &b""[..]).unwrap();
        let archive = tar.into_inner().unwrap();
        let found = copied_files(&archive[..]).unwrap();
        assert_eq!(found, CopiedFiles::Link(long));
    }
}
