//! Containers and volumes on the engine: create, find, start, remove.
//!
//! Every call may be repeated: it finds an object that exists already, and accepts that an object is gone already. A
//! container that differs from its request is neither started nor left behind.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{ContainerCreateBody, ContainerInspectResponse, ContainerState, ContainerStateStatusEnum as At};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveVolumeOptions,
};

use super::connection::DockerEngine;
use super::sandbox::{self, Names, Role};
use crate::executor::{ExecutorError, Result};

impl DockerEngine {
    pub(super) fn names<'a>(&'a self, job: &'a str) -> Names<'a> {
        let instance = self.instance();
        Names { instance, job }
    }

    /// Creates or finds the container of a job, and returns it only if it is as requested.
    pub(super) async fn create(
        &self,
        job: &str,
        role: Role,
        body: &ContainerCreateBody,
    ) -> Result<ContainerInspectResponse> {
        let name = &self.names(job).container(role);
        let options = &CreateContainerOptionsBuilder::default().name(name).build();
        let created = self
            .call("create container", |docker| async move {
                let options = Some(options.clone());
                docker.create_container(options, body.clone()).await
            })
            .await?;
        match created {
            Ok(made) if !made.warnings.is_empty() => {
                self.remove_container(name).await?;
                return Err(ExecutorError::Unsafe(made.warnings.join("; ")));
            }
            // An earlier attempt created it. It is compared like a new one.
            Err(refusal) if refusal.status == 409 => {}
            Err(refusal) => return Err(refusal.into()),
            Ok(_) => {}
        }
        let seen = self
            .inspect_name(name)
            .await?
            .ok_or_else(|| ExecutorError::Refused(format!("container {name} vanished after its creation")))?;
        let differences = sandbox::differences(body, &seen);
        if differences.is_empty() {
            return Ok(seen);
        }
        // Referee removes only a container of its own that never ran.
        let is_owned = sandbox::is_owned(&seen, self.instance(), job);
        if is_owned && state_of(&seen).status == Some(At::CREATED) {
            self.remove_container(name).await?;
        }
        Err(ExecutorError::Unsafe(format!("{name}: {}", differences.join("; "))))
    }

    /// Starts a created container. A start that fails because of the image is not an error here: the engine keeps its
    /// message in the state of the container, and [`Self::status`] reads it.
    pub(super) async fn start(&self, job: &str, id: &str) -> Result<()> {
        let answer =
            self.call("start container", |docker| async move { docker.start_container(id, None).await }).await?;
        let Err(refusal) = answer else {
            return Ok(());
        };
        match self.inspect_name(id).await? {
            Some(seen) if start_error(&state_of(&seen)).is_some() => Ok(()),
            _ => {
                tracing::warn!(job, status = refusal.status, "the engine refused to start a container");
                Err(refusal.into())
            }
        }
    }

    pub(super) async fn inspect_role(&self, job: &str, role: Role) -> Result<Option<ContainerInspectResponse>> {
        self.inspect_name(&self.names(job).container(role)).await
    }

    pub(super) async fn inspect_name(&self, name: &str) -> Result<Option<ContainerInspectResponse>> {
        let answer =
            self.call("inspect container", |docker| async move { docker.inspect_container(name, None).await }).await?;
        match answer {
            Ok(seen) => Ok(Some(seen)),
            Err(refusal) if refusal.status == 404 => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Kills a container if it still runs, and removes it with its anonymous volumes. A container that is gone
    /// already is accepted.
    pub(super) async fn remove_container(&self, name: &str) -> Result<()> {
        let options = &RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        for pause in [20, 50, 100, 200, 400, 800, 1600] {
            let answer =
                self.call("remove container", |docker| async move {
                    docker.remove_container(name, Some(options.clone())).await
                })
                .await?;
            match answer {
                Ok(()) => return Ok(()),
                Err(refusal) if refusal.status == 404 => return Ok(()),
                // Another removal is running. Wait until it is done.
                Err(refusal) if refusal.status == 409 => {}
                Err(refusal) => return Err(refusal.into()),
            }
            tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
        }
        Err(ExecutorError::Refused(format!("container {name} cannot be removed")))
    }

    /// A volume that existed during a restart of the engine can be removed only after the next restart: the engine
    /// counts its mounts wrongly ("active mounts", seen on 20.10). The volume is empty. It stays in the list of owned
    /// objects, and a later cleanup removes it. The removal is not forced: that would only make the engine lose the
    /// labels.
    pub(super) async fn remove_volume(&self, name: &str) -> Result<()> {
        let options = &RemoveVolumeOptions { force: false };
        let answer = self
            .call("remove volume", |docker| async move { docker.remove_volume(name, Some(options.clone())).await })
            .await?;
        match answer {
            Ok(()) => Ok(()),
            Err(refusal) if refusal.status == 404 => Ok(()),
            Err(refusal) if refusal.message.contains("active mounts") => {
                tracing::warn!(volume = name, "the volume can be removed only after a restart of the engine");
                Ok(())
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    fn owned_filter(&self) -> HashMap<String, Vec<String>> {
        let label = format!("{}={}", sandbox::LABEL_INSTANCE, self.instance());
        HashMap::from([("label".to_owned(), vec![label])])
    }

    /// Jobs that have a container on the engine. The id is that of the job's own container, if it exists.
    pub(super) async fn owned_containers(&self) -> Result<BTreeMap<String, String>> {
        let options = &ListContainersOptionsBuilder::default().all(true).filters(&self.owned_filter()).build();
        let listed = self
            .call("list containers", |docker| async move { docker.list_containers(Some(options.clone())).await })
            .await??;
        let mut found = BTreeMap::new();
        for container in listed {
            let labels = container.labels.unwrap_or_default();
            let Some(job) = labels.get(sandbox::LABEL_JOB) else {
                continue;
            };
            let id: &mut String = found.entry(job.clone()).or_default();
            if labels.get(sandbox::LABEL_ROLE).is_some_and(|role| *role == Role::Job.to_string()) {
                *id = container.id.unwrap_or_default();
            }
        }
        Ok(found)
    }

    /// Jobs that have a volume on the engine. The id is empty.
    pub(super) async fn owned_volumes(&self) -> Result<BTreeMap<String, String>> {
        let options = &ListVolumesOptionsBuilder::default().filters(&self.owned_filter()).build();
        let listed = self
            .call("list volumes", |docker| async move { docker.list_volumes(Some(options.clone())).await })
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
    matches!(state.status, Some(At::RUNNING | At::PAUSED | At::RESTARTING | At::STOPPING))
}

/// The engine writes the year 1 for a container that never started.
pub(super) fn was_started(state: &ContainerState) -> bool {
    state.started_at.as_deref().is_some_and(|at| !at.is_empty() && !at.starts_with("0001-"))
}

/// The engine's message about a start that failed because of the image.
pub(super) fn start_error(state: &ContainerState) -> Option<String> {
    let error = state.error.as_deref().filter(|e| !e.is_empty())?;
    (state.status == Some(At::CREATED) && is_caused_by_image(error)).then(|| error.to_owned())
}

/// Whether a message of runc or the engine (20.10 to 29) can only be caused by an image. Every other failed start is a
/// platform error. A missing program does not cause such a message: the init process does not find it, and exits with
/// 127.
fn is_caused_by_image(error: &str) -> bool {
    const MESSAGES: [&str; 9] = [
        "chdir to cwd",                  // only root can enter the working directory
        "executable file not found",     // without init
        "exec format error",             // a program for another architecture
        "exec: \"",                      // without init: the message names the program
        "not a directory",               // a file at the mount point of an input
        "mount a directory onto a file", // the same, in the engine's words
        "is not within the root",        // a link to a path outside the image
        "inside /proc",                  // a link into /proc
        "outside of rootfs",
    ];
    MESSAGES.iter().any(|message| error.contains(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_start_is_blamed_on_the_image_only_if_an_image_can_cause_it() {
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
        assert!(!fault("could not select device driver \"nvidia\" with capabilities: [[gpu]]"));
        assert!(!fault("write /var/lib/docker/x: no space left on device"));
        assert!(!fault(""));
    }
}
