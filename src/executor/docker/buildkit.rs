//! The additional needs of builds with BuildKit: bases by name, the control group of all steps, and an empty cache.
//!
//! BuildKit ignores the limits in a request. Only the control group of its steps limits them, and all builds share it.
//! So one such build runs at a time on an engine. BuildKit finds local images only by name, and it keeps the results of
//! steps: Referee removes both after the build. It clears the whole cache, so an engine that builds like this should
//! build nothing else.
//!
//! A context without a session, as here, keeps the Dockerfile, and `COPY . .` copies it too. Only engines that pass
//! `ulimits` on (not 20.10) limit the largest file of a step; elsewhere the disk limit of the whole build applies.
//! BuildKit drops the output that a step prints faster than 100 KiB a second.

use std::time::Duration as Span;

use bollard::query_parameters::PruneBuildOptionsBuilder;
use futures_util::StreamExt;

use super::build::BuildRequest;
use super::build_cgroup;
use super::connection::DockerEngine;
use super::facts::EngineFacts;
use super::instructions::instructions;
use super::output_keeper::probe_build;
use super::own_programs;
use crate::executor::{ExecutorError, Result};
use crate::model::Duration;

/// The repository of the names that bases have during a build.
const BASES: &str = "referee/base";
/// The time in which a step of Referee must appear in the group.
const PROBE_TIME: Duration = Duration::seconds(30);
const PROBE_PERIOD: Span = Span::from_millis(50);
/// Parts of the cache may still be in use shortly after a build.
const PRUNE_ATTEMPTS: u32 = 20;
const PRUNE_PAUSE: Span = Span::from_millis(100);
const DIGEST: &str = "sha256:";

impl DockerEngine {
    /// The control group in which BuildKit starts steps. Found once, by a step of Referee that waits in it.
    pub(super) async fn buildkit_group(&self, facts: &EngineFacts) -> Result<String> {
        let group = &self.builds().buildkit_group;
        let found = group.get_or_try_init(|| self.find_buildkit_group(facts.has_unified_cgroups()));
        found.await.cloned()
    }

    async fn find_buildkit_group(&self, unified: bool) -> Result<String> {
        let image = self.own_image().await?;
        let dockerfile = format!("FROM {image}\nRUN [\"{}\"]\n", own_programs::WAIT);
        let (dockerfile, bases) = self.name_bases(&dockerfile).await?;
        let mut spec = probe_build("probe-group".to_owned(), dockerfile);
        spec.limits.time = PROBE_TIME;
        let before = build_cgroup::buildkit_steps(unified);
        let request = BuildRequest { dockerfile: &spec.dockerfile, context_bytes: 0, cgroup_parent: None };
        let (client, options, context) = self.prepare_request(&spec, request).await?;
        let body = bollard::body_try_stream(context);
        let mut messages = client.build_image(options, None, Some(body)).boxed();
        let ended = async {
            let mut last = String::new();
            while let Some(message) = messages.next().await {
                if let Err(error) = message {
                    last = error.to_string();
                }
            }
            last
        };
        let found = async {
            loop {
                let mut new = build_cgroup::buildkit_steps(unified);
                new.retain(|step| !before.contains(step));
                if let Some(group) = new.first().and_then(|step| step.parent()) {
                    return group.display().to_string();
                }
                tokio::time::sleep(PROBE_PERIOD).await;
            }
        };
        let group = tokio::select! {
            group = found => Ok(group),
            message = ended => Err(format!("the probe step ended too early: {message}")),
            () = tokio::time::sleep(PROBE_TIME.std()) => Err(format!("no control group appeared within {PROBE_TIME}")),
        };
        self.forget_bases(&bases).await?;
        group.map_err(|why| {
            ExecutorError::Refused(format!("the control group of BuildKit's steps was not found: {why}"))
        })
    }

    /// The Dockerfile with names instead of the ids of its bases, and those names.
    pub(super) async fn name_bases(&self, dockerfile: &str) -> Result<(String, Vec<String>)> {
        let (dockerfile, ids) = with_names(dockerfile, |id| self.base_name(id));
        let mut bases = Vec::new();
        for id in ids {
            let tagged = self.tag_image(&id, BASES, &self.base_tag(&id)).await?;
            tagged.map_err(|refusal| ExecutorError::Refused(format!("base image: {}", refusal.message)))?;
            bases.push(self.base_name(&id));
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

    /// Removes names of bases. An image without another name keeps its name, or it would be removed itself.
    pub(super) async fn forget_bases(&self, bases: &[String]) -> Result<()> {
        for base in bases {
            let Ok(seen) = self.inspect_image(base).await? else {
                continue;
            };
            let names = seen.repo_tags.map_or(0, |t| t.len()) + seen.repo_digests.map_or(0, |d| d.len());
            if names > 1 {
                self.remove_image(base, false).await?;
            }
        }
        Ok(())
    }

    /// Clears BuildKit's cache, so that no build finds results of another, and removes the names of bases that a killed
    /// daemon left. Does nothing while a build is running.
    pub(super) async fn sweep_buildkit(&self) -> Result<()> {
        let Ok(_no_build_is_running) = self.builds().exclusive.try_lock() else {
            return Ok(());
        };
        let own = self.base_name("*");
        let listed = self.list_images(&[("reference", &own)]).await?;
        let own = own.trim_end_matches('*');
        let names = listed.into_iter().flat_map(|image| image.repo_tags);
        let left: Vec<_> = names.filter(|name| name.starts_with(own)).collect();
        self.forget_bases(&left).await?;
        self.prune_build_cache().await
    }

    pub(super) async fn prune_build_cache(&self) -> Result<()> {
        let options = &PruneBuildOptionsBuilder::default().all(true).build();
        for _ in 0..PRUNE_ATTEMPTS {
            let pruned = self
                .call("prune build cache", |docker| async move { docker.prune_build(Some(options.clone())).await })
                .await??;
            if pruned.caches_deleted.is_none_or(|ids| ids.is_empty()) {
                return Ok(());
            }
            tokio::time::sleep(PRUNE_PAUSE).await;
        }
        Ok(())
    }
}

/// The Dockerfile with a name instead of each id that a stage starts from, and the ids.
fn with_names(dockerfile: &str, name: impl Fn(&str) -> String) -> (String, Vec<String>) {
    let mut lines: Vec<String> = dockerfile.lines().map(str::to_owned).collect();
    let mut ids: Vec<String> = Vec::new();
    let mut begins = 0;
    for instruction in instructions(dockerfile) {
        let end = instruction.last_line.map_or(lines.len(), |last| last + 1);
        let (word, rest) = instruction.parts();
        let base = rest.split_whitespace().find(|word| word.starts_with(DIGEST));
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
    fn ids_become_names_only_where_stages_begin() {
        let name = |id: &str| id.replace("sha256:", "base:");
        let file = "FROM sha256:aa AS x\nRUN echo sha256:aa\nFROM y\nFROM \\\n sha256:bb\nFROM sha256:aa\n";
        let expected = "FROM base:aa AS x\nRUN echo sha256:aa\nFROM y\nFROM \\\n base:bb\nFROM base:aa\n";
        let ids = vec!["sha256:aa".to_owned(), "sha256:bb".to_owned()];
        assert_eq!(with_names(file, name), (expected.to_owned(), ids));
    }
}
