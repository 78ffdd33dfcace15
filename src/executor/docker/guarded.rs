//! A build of a stranger's by the classic builder: as far as the next [`super::cuts`], a look, and on.
//!
//! The engine's cache is used within one build alone: a label with a random word behind each `FROM` keeps it from that of every other.

use std::collections::BTreeMap;

use tar::EntryType;

use super::build::{Part, Work};
use super::cuts::{self, Copied};
use super::output::{Extended, Pieces, extended};
use super::{DockerEngine, mark};
use crate::executor::{BuildEnd, BuildSpec, ExecutorError, Result};
use crate::model::ImageId;
use crate::rules;

/// Links that a source of `COPY --from` may go through.
const LINKS_MAX: usize = 8;

impl DockerEngine {
    /// Builds; `None` when the engine says nothing against it, and nothing was found that it must not read.
    pub(super) async fn build_guarded(
        &self,
        spec: &BuildSpec,
        (work, word): (&mut Work, &str),
    ) -> Result<Option<BuildEnd>> {
        let plan = cuts::plan(&spec.dockerfile);
        let label = format!("{} referee.alone={word}", self.made_by());
        let lines: Vec<&str> = spec.dockerfile.lines().collect();
        let mut stages: BTreeMap<usize, ImageId> = BTreeMap::new();
        for (at, cut) in plan.cuts.iter().enumerate() {
            if let Some(end) = self.copies(spec, (&plan.copies, at), &stages).await? {
                return Ok(Some(end));
            }
            let begin = lines[..cut.lines.min(lines.len())].join("\n") + "\n";
            let part = Part {
                text: mark::marked(&begin, &label),
                last: false,
                cached: at > 0,
            };
            if let Some(end) = self.build_part(spec, work, &part).await? {
                return Ok(Some(end));
            }
            let tag = self.build_tag(&Part::name(spec));
            let image = self.image_facts(&tag).await?.ok_or_else(|| {
                ExecutorError::Refused("a part of a build left no image".to_owned())
            })?;
            if let Some(message) = self.unreadable(&image.id, &spec.name).await? {
                let step = Some(cut.step);
                return Ok(Some(BuildEnd::Failed { step, message }));
            }
            stages.insert(cut.stage, image.id);
        }
        let all = (&plan.copies[..], plan.cuts.len());
        if let Some(end) = self.copies(spec, all, &stages).await? {
            return Ok(Some(end));
        }
        let part = Part {
            text: mark::marked(&spec.dockerfile, &label),
            last: true,
            cached: !plan.cuts.is_empty(),
        };
        self.build_part(spec, work, &part).await
    }

    /// What is wrong with the files of accounts, which the engine reads before the next step.
    async fn unreadable(&self, image: &ImageId, name: &str) -> Result<Option<String>> {
        let found = self
            .look_into(image, name, &rules::image::account_files())
            .await?;
        let wrong = rules::image::account_file_problems(&found)
            .into_iter()
            .next();
        Ok(wrong.map(|message| {
            format!(
                "{message}, and the engine reads it before the next step: leave it a plain file"
            )
        }))
    }

    /// Whether one of the instructions after so many cuts would have the engine open what is no plain file.
    async fn copies(
        &self,
        spec: &BuildSpec,
        (copies, after): (&[Copied], usize),
        stages: &BTreeMap<usize, ImageId>,
    ) -> Result<Option<BuildEnd>> {
        for copy in copies.iter().filter(|copy| copy.after == after) {
            let Some(image) = stages.get(&copy.stage) else {
                continue;
            };
            let container = self.stand_in(image, &spec.name).await?;
            let special = self.special_in_any(&container, &copy.sources).await;
            self.remove_container(&container).await?;
            if let Some(path) = special? {
                let message = format!(
                    "COPY failed: `{path}` is a device or a pipe, or leads through many links: only files, folders and links can be copied"
                );
                let step = Some(copy.step);
                return Ok(Some(BuildEnd::Failed { step, message }));
            }
        }
        Ok(None)
    }

    async fn special_in_any(&self, container: &str, sources: &[String]) -> Result<Option<String>> {
        for source in sources {
            let (mut path, mut links) = (source.clone(), 0);
            loop {
                match self.special_in(container, &path).await? {
                    Seen::Plain => break,
                    // The engine would follow more of them than anybody needs.
                    Seen::Link(_) if links == LINKS_MAX => return Ok(Some(source.clone())),
                    Seen::Special(what) => return Ok(Some(what)),
                    Seen::Link(target) => {
                        links += 1;
                        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                        path = match target.starts_with('/') {
                            true => target,
                            false => format!("{folder}/{target}"),
                        };
                    }
                }
            }
        }
        Ok(None)
    }

    async fn special_in(&self, container: &str, path: &str) -> Result<Seen> {
        let (sender, receiver) = tokio::sync::mpsc::channel(16);
        let reading = tokio::task::spawn_blocking(move || first_special(Pieces::new(receiver)));
        match self.send_archive((container, path), sender).await {
            Ok(()) => {}
            // It is not there, or not to be reached: the engine says so when it copies.
            Err(ExecutorError::Refused(_)) => return Ok(Seen::Plain),
            Err(error) => return Err(error),
        }
        let read = reading
            .await
            .map_err(|panic| ExecutorError::Staging(std::io::Error::other(panic)))?;
        Ok(read.unwrap_or_else(|_| Seen::Special(path.to_owned())))
    }
}

enum Seen {
    Plain,
    /// The path itself is a link, to this.
    Link(String),
    Special(String),
}

/// Reads headers alone, each as it stands: a name may hold what a reader of records takes for one.
fn first_special(tar: impl std::io::Read) -> std::io::Result<Seen> {
    let mut archive = tar::Archive::new(tar);
    let (mut first, mut said) = (true, Extended::default());
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        if kind.is_pax_local_extensions() {
            said = extended(&mut entry)?;
            continue;
        }
        let said = std::mem::take(&mut said);
        if std::mem::take(&mut first) && kind == EntryType::Symlink {
            let short = entry.header().link_name_bytes().unwrap_or_default();
            let target = said.link.unwrap_or_else(|| short.into_owned());
            return Ok(Seen::Link(String::from_utf8_lossy(&target).into_owned()));
        }
        if matches!(kind, EntryType::Fifo | EntryType::Char | EntryType::Block) {
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            return Ok(Seen::Special(path));
        }
    }
    Ok(Seen::Plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_followed_to_where_it_really_leads() {
        let long = format!("/{}/pipe", "x/".repeat(80));
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_pax_extensions([("linkpath", long.as_bytes())])
            .unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        header.set_path("f").unwrap();
        header.set_link_name("/short").unwrap();
        header.set_cksum();
        tar.append(&header, &b""[..]).unwrap();
        let archive = tar.into_inner().unwrap();
        assert!(matches!(first_special(&archive[..]), Ok(Seen::Link(target)) if target == long));
    }
}
