//! Containers and volumes as the engine keeps them: make, find, start, remove.
//!
//! Every call may be made again: what is there already is found, what is gone already is fine.
//! It refuses to start, or to leave behind, a container that is not what was asked for.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerState, ContainerStateStatusEnum as At,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveVolumeOptions,
};

use super::DockerEngine;
use super::sandbox::{self, Names, Role};
use crate::executor::{ExecutorError, Result};

impl DockerEngine {
    pub(super) fn names<'a>(&'a self, job: &'a str) -> Names<'a> {
        let instance = self.instance();
        Names { instance, job }
    }

    /// Creates or finds the container, and returns it only if it is what was asked for.
    pub(super) async fn create(
        &self,
        job: &str,
        role: Role,
        body: &ContainerCreateBody,
    ) -> Result<ContainerInspectResponse> {
        let name = &self.names(job).container(role);
        let options = &CreateContainerOptionsBuilder::default().name(name).build();
        let created = self
            .call("create", |docker| async move {
                let options = Some(options.clone());
                docker.create_container(options, body.clone()).await
            })
            .await?;
        match created {
            Ok(made) if !made.warnings.is_empty() => {
                self.remove_container(name).await?;
                return Err(ExecutorError::Unsafe(made.warnings.join("; ")));
            }
            // It is there from an earlier try, and is compared like a new one.
            Err(refusal) if refusal.status == 409 => {}
            Err(refusal) => return Err(refusal.into()),
            Ok(_) => {}
        }
        let seen = self.inspect_name(name).await?.ok_or_else(|| {
            ExecutorError::Refused(format!(
                "container {name} vanished right after its creation"
            ))
        })?;
        let found = sandbox::differences(body, &seen);
        if found.is_empty() {
            return Ok(seen);
        }
        // Only what never ran may be thrown away: another container is not ours to judge.
        let ours = sandbox::is_owned(&seen, self.instance(), job);
        if ours && state_of(&seen).status == Some(At::CREATED) {
            self.remove_container(name).await?;
        }
        Err(ExecutorError::Unsafe(format!(
            "{name}: {}",
            found.join("; ")
        )))
    }

    /// Starts a created container. A start that fails because of the image is no error of ours:
    /// the engine keeps its sentence in the container's state, where [`Self::status`] finds it.
    pub(super) async fn start(&self, job: &str, id: &str) -> Result<()> {
        let answer = self
            .call("start", |docker| async move {
                docker.start_container(id, None).await
            })
            .await?;
        let Err(refusal) = answer else {
            return Ok(());
        };
        match self.inspect_name(id).await? {
            Some(seen) if start_error(&state_of(&seen)).is_some() => Ok(()),
            _ => {
                tracing::warn!(job, status = refusal.status, "start refused");
                Err(refusal.into())
            }
        }
    }

    pub(super) async fn inspect_role(
        &self,
        job: &str,
        role: Role,
    ) -> Result<Option<ContainerInspectResponse>> {
        self.inspect_name(&self.names(job).container(role)).await
    }

    pub(super) async fn inspect_name(
        &self,
        name: &str,
    ) -> Result<Option<ContainerInspectResponse>> {
        let answer = self
            .call("inspect", |docker| async move {
                docker.inspect_container(name, None).await
            })
            .await?;
        match answer {
            Ok(seen) => Ok(Some(seen)),
            Err(refusal) if refusal.status == 404 => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Kills it if it still runs, and takes its anonymous volumes along. Gone already is fine.
    pub(super) async fn remove_container(&self, name: &str) -> Result<()> {
        let options = &RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        for pause in [20, 50, 100, 200, 400, 800, 1600] {
            let answer = self
                .call("remove", |docker| async move {
                    docker.remove_container(name, Some(options.clone())).await
                })
                .await?;
            match answer {
                Err(refusal) if refusal.status == 404 => return Ok(()),
                // Another removal is under way; wait until it has happened.
                Ok(()) => return Ok(()),
                Err(refusal) if refusal.status == 409 => {}
                Err(refusal) => return Err(refusal.into()),
            }
            tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
        }
        Err(ExecutorError::Refused(format!(
            "container {name} cannot be removed"
        )))
    }

    /// A volume that lived through a restart of the engine cannot be removed before the next one:
    /// the engine counts its mounts anew, and wrongly ("active mounts", seen on 20.10). It is
    /// empty, and stays among what is ours until a later clean-up finds it removable. No force:
    /// that would only make the engine forget whose it is.
    pub(super) async fn remove_volume(&self, name: &str) -> Result<()> {
        let options = &RemoveVolumeOptions { force: false };
        let answer = self
            .call("remove volume", |docker| async move {
                docker.remove_volume(name, Some(options.clone())).await
            })
            .await?;
        match answer {
            Ok(()) => Ok(()),
            Err(refusal) if refusal.status == 404 => Ok(()),
            Err(refusal) if refusal.message.contains("active mounts") => {
                tracing::warn!(
                    volume = name,
                    "removable only after a restart of the engine"
                );
                Ok(())
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    fn owned_filter(&self) -> HashMap<String, Vec<String>> {
        let label = format!("{}={}", sandbox::LABEL_INSTANCE, self.instance());
        HashMap::from([("label".to_owned(), vec![label])])
    }

    /// Jobs of which any container is left; the id is the job's own container's, if it has one.
    pub(super) async fn owned_containers(&self) -> Result<BTreeMap<String, String>> {
        let options = &ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&self.owned_filter())
            .build();
        let listed = self
            .call("list", |docker| async move {
                docker.list_containers(Some(options.clone())).await
            })
            .await??;
        let mut found = BTreeMap::new();
        for container in listed {
            let labels = container.labels.unwrap_or_default();
            let Some(job) = labels.get(sandbox::LABEL_JOB) else {
                continue;
            };
            let id: &mut String = found.entry(job.clone()).or_default();
            if labels
                .get(sandbox::LABEL_ROLE)
                .is_some_and(|role| role == "job")
            {
                *id = container.id.unwrap_or_default();
            }
        }
        Ok(found)
    }

    /// Jobs of which a volume is left, with no id.
    pub(super) async fn owned_volumes(&self) -> Result<BTreeMap<String, String>> {
        let options = &ListVolumesOptionsBuilder::default()
            .filters(&self.owned_filter())
            .build();
        let listed = self
            .call("volumes", |docker| async move {
                docker.list_volumes(Some(options.clone())).await
            })
            .await??;
        let volumes = listed.volumes.unwrap_or_default();
        Ok(volumes
            .into_iter()
            .filter_map(|mut volume| volume.labels.remove(sandbox::LABEL_JOB))
            .map(|job| (job, String::new()))
            .collect())
    }
}

pub(super) fn state_of(seen: &ContainerInspectResponse) -> ContainerState {
    seen.state.clone().unwrap_or_default()
}

pub(super) fn is_running(state: &ContainerState) -> bool {
    matches!(
        state.status,
        Some(At::RUNNING | At::PAUSED | At::RESTARTING | At::STOPPING)
    )
}

/// The engine writes the year 1 for "never".
pub(super) fn was_started(state: &ContainerState) -> bool {
    state
        .started_at
        .as_deref()
        .is_some_and(|at| !at.is_empty() && !at.starts_with("0001-"))
}

/// The engine's sentence about a start that failed because of what is in the image.
pub(super) fn start_error(state: &ContainerState) -> Option<String> {
    let error = state.error.as_deref().filter(|e| !e.is_empty())?;
    (state.status == Some(At::CREATED) && is_images_fault(error)).then(|| error.to_owned())
}

/// Sentences of runc and the engine (20.10 to 29) that only an image can provoke; every other
/// failed start counts as ours. A missing program is not among them: it is the init process that
/// does not find it, and exits with 127.
fn is_images_fault(error: &str) -> bool {
    const SENTENCES: [&str; 9] = [
        "chdir to cwd",                  // the working directory is closed to others than root
        "executable file not found",     // without init
        "exec format error",             // another processor's program
        "exec: \"",                      // without init: what was to be run is named
        "not a directory",               // a file where an input is to be mounted
        "mount a directory onto a file", // the same, in the engine's words
        "is not within the root",        // a link that leads out
        "inside /proc",                  // a link that leads there
        "outside of rootfs",
    ];
    SENTENCES.iter().any(|sentence| error.contains(sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_start_is_the_images_fault_only_if_an_image_can_cause_it() {
        let fault = |error: &str| {
            start_error(&ContainerState {
                status: Some(At::CREATED),
                error: Some(error.to_owned()),
                ..ContainerState::default()
            })
            .is_some()
        };
        assert!(fault(
            "OCI runtime create failed: runc create failed: unable to start container process: \
             chdir to cwd (\"/root\") set in config.json failed: permission denied: unknown"
        ));
        assert!(!fault(
            "could not select device driver \"nvidia\" with capabilities: [[gpu]]"
        ));
        assert!(!fault("write /var/lib/docker/x: no space left on device"));
        assert!(!fault(""));
    }
}
