//! What builds by BuildKit need besides: bases by name, the control group of all steps, and no cache.
//!
//! BuildKit heeds no limit that a caller asks for. What holds is the control group that it starts steps
//! in, and that it shares between builds; so there is one such build at a time on an engine. It knows
//! local images by name alone, and keeps what steps made: both go with the build. Its cache is cleared as
//! a whole, so an engine that builds so should have nothing else to build.
//!
//! Sent without a session, as here, a context keeps the Dockerfile, which `COPY . .` then copies too. And
//! the largest file of a step is limited by engines only that hand `ulimits` on (not 20.10); elsewhere the
//! disk of the whole build is. What a step prints faster than 100 KiB a second BuildKit drops.

use std::time::Duration as Span;

use bollard::query_parameters::{PruneBuildOptionsBuilder, TagImageOptionsBuilder};
use futures_util::StreamExt;

use super::{DockerEngine, EngineFacts, holder, instructions, meter, programs};
use crate::executor::{ExecutorError, Result};
use crate::model::Duration;

/// Under which bases have a name while something is built on them.
const BASES: &str = "referee/base";
/// How long a step of ours may take to be there.
const PROBE_TIME: Duration = Duration::seconds(30);
const PROBE_LOOK_EVERY: Span = Span::from_millis(50);
/// What is still in use a moment after the end is asked for again.
const PRUNE_ATTEMPTS: u32 = 20;
const PRUNE_PAUSE: Span = Span::from_millis(100);
const DIGEST: &str = "sha256:";

impl DockerEngine {
    /// The control group in which BuildKit starts steps, seen once by a step of ours that waits in it.
    pub(super) async fn buildkit_group(&self, facts: &EngineFacts) -> Result<String> {
        let group = &self.shared.builds.buildkit_group;
        let found = group.get_or_try_init(|| self.seek_buildkit_group(facts.cgroup_version == "2"));
        found.await.cloned()
    }

    async fn seek_buildkit_group(&self, unified: bool) -> Result<String> {
        let holder = self.small_job("group", &holder::no_output()).await?.image;
        let dockerfile = format!("FROM {holder}\nRUN [\"{}\"]\n", programs::HOLD);
        let (dockerfile, bases) = self.name_bases(&dockerfile).await?;
        let mut spec = holder::small_build("probe-group".to_owned(), dockerfile);
        spec.limits.time = PROBE_TIME;
        let before = meter::buildkit_steps(unified);
        let (client, options, context) = self.request(&spec, &spec.dockerfile, (0, None)).await?;
        let body = bollard::body_try_stream(context);
        let mut lines = client.build_image(options, None, Some(body)).boxed();
        let ended = async {
            let mut last = String::new();
            while let Some(line) = lines.next().await {
                if let Err(error) = line {
                    last = error.to_string();
                }
            }
            last
        };
        let seen = async {
            loop {
                let mut new = meter::buildkit_steps(unified);
                new.retain(|step| !before.contains(step));
                if let Some(group) = new.first().and_then(|step| step.parent()) {
                    return group.display().to_string();
                }
                tokio::time::sleep(PROBE_LOOK_EVERY).await;
            }
        };
        let group = tokio::select! {
            group = seen => Ok(group),
            message = ended => Err(format!("a step that waits came to its end: {message}")),
            () = tokio::time::sleep(PROBE_TIME.std()) => Err(format!("no group within {PROBE_TIME}")),
        };
        self.forget_bases(&bases).await?;
        group.map_err(|why| {
            ExecutorError::Refused(format!(
                "the control group of BuildKit's steps is not found: {why}"
            ))
        })
    }

    /// The Dockerfile with names in the place of the ids that it starts from, and those names.
    pub(super) async fn name_bases(&self, dockerfile: &str) -> Result<(String, Vec<String>)> {
        let (dockerfile, ids) = by_name(dockerfile, |id| self.base_name(id));
        let mut bases = Vec::new();
        for id in ids {
            let tag = self.base_tag(&id);
            let options = &TagImageOptionsBuilder::default()
                .repo(BASES)
                .tag(&tag)
                .build();
            let id = id.as_str();
            let answer = self
                .call("tag image", |docker| async move {
                    docker.tag_image(id, Some(options.clone())).await
                })
                .await?;
            answer.map_err(|refusal| {
                ExecutorError::Refused(format!("base image: {}", refusal.message))
            })?;
            bases.push(self.base_name(id));
        }
        Ok((dockerfile, bases))
    }

    fn base_tag(&self, id: &str) -> String {
        let digits = id.trim_start_matches(DIGEST);
        self.tag_part(digits.get(..12).unwrap_or(digits))
    }

    fn base_name(&self, id: &str) -> String {
        format!("{BASES}:{}", self.base_tag(id))
    }

    /// Takes names of bases away again. An image with no other name keeps it, and itself.
    pub(super) async fn forget_bases(&self, bases: &[String]) -> Result<()> {
        for base in bases {
            let answer = self
                .call(
                    "image",
                    |docker| async move { docker.inspect_image(base).await },
                )
                .await?;
            let Ok(seen) = answer else { continue };
            let names =
                seen.repo_tags.map_or(0, |t| t.len()) + seen.repo_digests.map_or(0, |d| d.len());
            if names > 1 {
                self.remove_image(base, false).await?;
            }
        }
        Ok(())
    }

    /// Removes what BuildKit keeps of builds, so that none finds anything of another, and names of bases that
    /// a daemon which was killed has left. Does nothing while something is built.
    pub(super) async fn sweep_buildkit(&self) -> Result<()> {
        let Ok(_nothing_under_way) = self.shared.builds.alone.try_lock() else {
            return Ok(());
        };
        let own = self.base_name("*");
        let listed = self.images(&[("reference", &own)]).await?;
        let own = own.trim_end_matches('*');
        let names = listed.into_iter().flat_map(|image| image.repo_tags);
        let left: Vec<_> = names.filter(|name| name.starts_with(own)).collect();
        self.forget_bases(&left).await?;
        self.prune().await
    }

    /// Clears BuildKit's cache.
    pub(super) async fn prune(&self) -> Result<()> {
        let options = &PruneBuildOptionsBuilder::default().all(true).build();
        for _ in 0..PRUNE_ATTEMPTS {
            let pruned = self
                .call("build cache", |docker| async move {
                    docker.prune_build(Some(options.clone())).await
                })
                .await??;
            if pruned.caches_deleted.is_none_or(|ids| ids.is_empty()) {
                return Ok(());
            }
            tokio::time::sleep(PRUNE_PAUSE).await;
        }
        Ok(())
    }
}

/// Puts a name in the place of each id that a stage starts from; the ids.
fn by_name(dockerfile: &str, name: impl Fn(&str) -> String) -> (String, Vec<String>) {
    let mut lines: Vec<String> = dockerfile.lines().map(str::to_owned).collect();
    let mut ids: Vec<String> = Vec::new();
    let mut begins = 0;
    for instruction in instructions::instructions(dockerfile) {
        let end = instruction.last_line.map_or(lines.len(), |last| last + 1);
        let (word, rest) = instruction.parts();
        let base = rest
            .split_whitespace()
            .find(|word| word.starts_with(DIGEST));
        if let ("FROM", Some(id)) = (word.as_str(), base) {
            for line in &mut lines[begins..end] {
                *line = line.replace(id, &name(id));
            }
            if !ids.iter().any(|known| known == id) {
                ids.push(id.to_owned());
            }
        }
        begins = end;
    }
    (lines.join("\n") + "\n", ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_names_where_stages_begin_and_nowhere_else() {
        let name = |id: &str| id.replace("sha256:", "base:");
        let file = "FROM sha256:aa AS x\nRUN echo sha256:aa\nFROM y\nFROM \\\n sha256:bb\nFROM sha256:aa\n";
        let expected =
            "FROM base:aa AS x\nRUN echo sha256:aa\nFROM y\nFROM \\\n base:bb\nFROM base:aa\n";
        let ids = vec!["sha256:aa".to_owned(), "sha256:bb".to_owned()];
        assert_eq!(by_name(file, name), (expected.to_owned(), ids));
    }
}
