//! Dockerfile and context to image, by either of the engine's two builders.
//!
//! The engine reads only the given Dockerfile, whatever the context contains. It uses no cache of other builds. The
//! output of a build is not believed: the image is found by its tag. Closing the connection ends a build and everything
//! that it runs, so this is how limits are enforced, and how a dropped future stops its build.
//!
//! Two parameters that the client library does not have (`ulimits`, `cgroupparent`) and one that it truncates to 31
//! bits (`memory`) are added to the address of the request. moby reads them in
//! `api/server/router/build/build_routes.go`. BuildKit ignores them; [`super::buildkit`] has its replacements. The
//! engine itself fetches `ADD <url>` and missing base images, whatever `networkmode` is. So the rules refuse `ADD
//! <url>`, and callers look base images up before.

use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bollard::Docker;
use bollard::errors::Error as EngineError;
use bollard::models::{BuildInfo, BuildInfoAux};
use bollard::query_parameters::{BuildImageOptions, BuildImageOptionsBuilder};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use serde_json::json;

use super::build_cgroup::{self, BuildCgroup};
use super::build_context;
use super::build_label::{LabelledDockerfile, labelled};
use super::buildkit_progress::{self, BuildKitProgress};
use super::classic_progress::{ClassicProgress, is_lost_image, limit_or_failure, step_count};
use super::connection::{DockerEngine, blocking, is_name, refusal};
use super::leftovers::{BuildKitObjects, BuildObjects, Leftovers};
use super::log_keeper::LogKeeper;
use super::sandbox;
use crate::executor::{BuildEnd, BuildLimitHit, BuildLimits, BuildReport, BuildSpec, Builder, ExecutorError, Result};
use crate::model::{BuildsWith, ImageFacts, ImageId, Timestamp};

/// Beyond the time limit of the build before, the wait for its control group lasts this long.
const CGROUP_PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
const CGROUP_PAUSE: std::time::Duration = std::time::Duration::from_millis(200);
/// A part of a build is begun this often, if images of other builds vanish while the engine looks for cached steps.
const CACHE_LOOKUPS_MAX: u32 = 5;
/// Bytes of `/dev/shm` of a step.
const SHM_BYTES: i32 = 64 * 1024 * 1024;

#[async_trait]
impl Builder for DockerEngine {
    async fn build(&self, spec: &BuildSpec) -> Result<BuildReport> {
        if !is_name(&spec.name, 63) {
            return Err(ExecutorError::Refused(format!("build name `{}`", spec.name)));
        }
        let mut running = self.begin(spec).await?;
        let end = self.run_build(spec, &mut running).await;
        let log = running.log.excerpt();
        let cgroup = running.leftovers.objects.cgroup.as_ref();
        let exhausted = cgroup.map(|cgroup| cgroup.exhausted(&spec.limits));
        // The stream is closed, and the engine ends the steps that still run. Wait until it has released everything.
        running.leftovers.objects.images = running.progress.take_stage_images();
        running.leftovers.remove().await;
        let end = match end? {
            Some(end) => limit_or_failure(end, &spec.limits, exhausted.unwrap_or_default()),
            None => {
                let built = self.image_facts(&self.build_tag(&spec.name)).await?;
                let facts = built.ok_or_else(|| {
                    ExecutorError::Refused(
                        "the build ended without an error, but the engine has no image of it".to_owned(),
                    )
                })?;
                BuildEnd::Built(Box::new(facts))
            }
        };
        Ok(BuildReport { end, log })
    }

    async fn base_image(&self, reference: &str) -> Result<Option<ImageFacts>> {
        self.image_facts(reference).await
    }

    async fn save(&self, image: &ImageId, into: &Path, bytes_max: u64) -> Result<()> {
        self.save_archive(image, into, bytes_max).await
    }

    async fn sweep(&self) -> Result<usize> {
        if self.options().builds_with == BuildsWith::BuildKit {
            self.sweep_buildkit().await?;
        }
        self.remove_unnamed_images().await
    }
}

/// The Dockerfile that the engine builds: the whole of it, or its beginning.
pub(super) struct BuildPart {
    pub dockerfile: LabelledDockerfile,
    /// It is the whole Dockerfile.
    pub is_last: bool,
    /// Steps may come from the cache, where an earlier part of this build has put them.
    pub use_cache: bool,
}

impl BuildPart {
    /// The name of the image of a beginning.
    pub(super) fn name(spec: &BuildSpec) -> String {
        format!("{}-part", spec.name)
    }
}

/// A running build: its output, its progress, and the objects that it will leave.
pub(super) struct RunningBuild {
    log: LogKeeper,
    progress: Progress,
    leftovers: Leftovers,
    context_bytes: u64,
}

/// A dropped future leaves no image either.
impl Drop for RunningBuild {
    fn drop(&mut self) {
        let images = self.progress.take_stage_images();
        self.leftovers.objects.images.extend(images);
    }
}

/// The progress of a build, by builder.
enum Progress {
    Classic {
        progress: ClassicProgress,
        /// Steps of the whole build.
        steps: u32,
    },
    BuildKit(BuildKitProgress),
}

impl Progress {
    /// Reads one message of the engine, and returns the part of it that belongs into the log.
    fn read(&mut self, info: BuildInfo, is_last_part: bool) -> Vec<u8> {
        if let (Self::BuildKit(progress), Some(BuildInfoAux::BuildKit(status))) = (&mut *self, &info.aux) {
            return progress.read(status);
        }
        let text = info.stream.or(info.status).unwrap_or_default();
        match self {
            Self::BuildKit(_) => text.into_bytes(),
            Self::Classic { progress, steps } => {
                progress.read(&text);
                if progress.is_new(&text, is_last_part) {
                    progress.with_total(&text, *steps).into_bytes()
                } else {
                    Vec::new()
                }
            }
        }
    }

    fn failure(&self, message: &str) -> Result<BuildEnd> {
        match self {
            Self::Classic { progress, .. } => progress.failure(message),
            Self::BuildKit(progress) => progress.failure(message),
        }
    }

    fn take_stage_images(&mut self) -> Vec<String> {
        match self {
            Self::Classic { progress, .. } => progress.take_stage_images(),
            Self::BuildKit(_) => Vec::new(),
        }
    }

    /// Bytes of log that end a build with this limit.
    fn log_bytes_max(&self, limit: usize) -> u64 {
        match self {
            Self::Classic { .. } => limit as u64,
            Self::BuildKit(_) => limit.min(buildkit_progress::LOG_MAX) as u64,
        }
    }
}

impl DockerEngine {
    async fn begin(&self, spec: &BuildSpec) -> Result<RunningBuild> {
        let facts = self.facts().await?;
        let path = spec.context.clone();
        let context_bytes = blocking(move || build_context::end_of_tar(&path)).await??;
        let now = self.info().await?.system_time.unwrap_or_default();
        let since = Timestamp::parse(&now).map_err(ExecutorError::Refused)?;
        let exclusive = match self.options().builds_with {
            BuildsWith::Classic => None,
            BuildsWith::BuildKit => Some(self.builds().exclusive.clone().lock_owned().await),
        };
        let unified = facts.has_unified_cgroups();
        let cgroup = if BuildCgroup::is_possible(&facts, self.is_local(&facts)).is_err() {
            None
        } else if exclusive.is_some() {
            let group = self.buildkit_group(&facts).await?;
            Some(buildkit_cgroup(&group, unified, &spec.limits).await?)
        } else {
            let name = format!("{}-{}", self.instance(), spec.name);
            Some(BuildCgroup::for_classic_build(&name, unified, spec.limits.processes)?)
        };
        let running = self.builds().running.clone().read_owned().await;
        self.builds().count.fetch_add(1, Ordering::SeqCst);
        Ok(RunningBuild {
            log: LogKeeper::default(),
            progress: if exclusive.is_some() {
                Progress::BuildKit(BuildKitProgress::new(&spec.dockerfile))
            } else {
                Progress::Classic { progress: ClassicProgress::default(), steps: 0 }
            },
            leftovers: Leftovers {
                engine: self.clone(),
                since,
                objects: BuildObjects {
                    cgroup,
                    buildkit: exclusive.map(|exclusive| BuildKitObjects { bases: Vec::new(), _exclusive: exclusive }),
                    ..BuildObjects::default()
                },
                _running: running,
            },
            context_bytes,
        })
    }

    /// `None` if the engine reports no failure: then there should be an image.
    async fn run_build(&self, spec: &BuildSpec, running: &mut RunningBuild) -> Result<Option<BuildEnd>> {
        let cgroup = running.leftovers.objects.cgroup.clone();
        tokio::select! {
            end = self.build_all(spec, running) => end,
            () = tokio::time::sleep(spec.limits.time.std()) => {
                Ok(Some(BuildEnd::Limit(BuildLimitHit::Time)))
            }
            end = self.watch_disk(spec.limits.disk, cgroup.as_ref()) => end.map(Some),
        }
    }

    async fn build_all(&self, spec: &BuildSpec, running: &mut RunningBuild) -> Result<Option<BuildEnd>> {
        let dockerfile = match &mut running.leftovers.objects.buildkit {
            Some(buildkit) => {
                let (text, bases) = self.name_bases(&spec.dockerfile).await?;
                buildkit.bases = bases;
                LabelledDockerfile { text, is_labelled: false }
            }
            // BuildKit reads none of its results before a step, unless the step names a user.
            None if let Some(key) = &spec.inspection_key => {
                return self.build_inspected(spec, running, key).await;
            }
            None => labelled(&spec.dockerfile, &self.made_by()),
        };
        let part = BuildPart { dockerfile, is_last: true, use_cache: false };
        self.build_part(spec, running, &part).await
    }

    /// Builds the whole Dockerfile, or its beginning.
    ///
    /// The classic builder looks for a cached step among all images with the same parent, and it gives up if another
    /// build removes one of them meanwhile (moby `image/cache/cache.go`, `getLocalCachedImage`). This has nothing to do
    /// with the Dockerfile, so the part is built again.
    pub(super) async fn build_part(
        &self,
        spec: &BuildSpec,
        running: &mut RunningBuild,
        part: &BuildPart,
    ) -> Result<Option<BuildEnd>> {
        for _ in 0..CACHE_LOOKUPS_MAX {
            match self.try_part(spec, running, part).await? {
                Some(BuildEnd::Failed { message, .. }) if part.use_cache && is_lost_image(&message) => {}
                end => return Ok(end),
            }
        }
        Err(ExecutorError::Refused("other builds removed images while the builder looked for cached steps".to_owned()))
    }

    async fn try_part(
        &self,
        spec: &BuildSpec,
        running: &mut RunningBuild,
        part: &BuildPart,
    ) -> Result<Option<BuildEnd>> {
        let is_labelled = part.dockerfile.is_labelled;
        if let Progress::Classic { progress, steps } = &mut running.progress {
            *progress = ClassicProgress::new(is_labelled, progress.printed());
            *steps = step_count(spec, is_labelled);
        }
        let part_tag = (!part.is_last).then(|| self.build_tag(&BuildPart::name(spec)));
        let objects = &mut running.leftovers.objects;
        let request = BuildRequest {
            dockerfile: &part.dockerfile.text,
            context_bytes: running.context_bytes,
            cgroup_parent: objects.cgroup.as_ref().map(BuildCgroup::parent),
        };
        if part_tag.is_some() {
            objects.part_tag.clone_from(&part_tag);
        }
        let (client, mut options, context) = self.prepare_request(spec, request).await?;
        options.nocache = !part.use_cache;
        if let Some(tag) = part_tag {
            options.t = Some(tag);
            options.labels = None;
        }
        let body = bollard::body_try_stream(context);
        let messages = client.build_image(options, None, Some(body));
        running.follow(messages, spec.limits.log, part.is_last).await
    }

    /// A client, the options and the context of a build. The build ends when its answer is dropped.
    pub(super) async fn prepare_request(
        &self,
        spec: &BuildSpec,
        request: BuildRequest<'_>,
    ) -> Result<(Docker, BuildImageOptions, impl Stream<Item = io::Result<Bytes>> + Send + 'static)> {
        let builds_with = self.options().builds_with;
        let file = tokio::fs::File::open(&spec.context).await?;
        let dockerfile = build_context::dockerfile_name(&spec.name);
        let tail = build_context::last_entries(&dockerfile, request.dockerfile)?;
        let context = build_context::stream(file, request.context_bytes, tail);
        let extra = extra_parameters(&spec.limits, request.cgroup_parent.as_deref());
        let client = self
            .client()?
            .with_timeout(spec.limits.time.std()) // the answer begins after the whole context was read
            .with_request_modifier(move |mut request| {
                let mut address = format!("{}{extra}", request.uri());
                if builds_with == BuildsWith::BuildKit {
                    // The client library demands a session for BuildKit. A context in the body needs none.
                    address = address.replacen("version=1", "version=2", 1);
                }
                if let Ok(address) = address.parse() {
                    *request.uri_mut() = address;
                }
                request
            });
        let options = self.build_options(spec, &dockerfile);
        Ok((client, options, context))
    }

    fn build_options(&self, spec: &BuildSpec, dockerfile: &str) -> BuildImageOptions {
        let mut labels = sandbox::prefixed_labels(&spec.labels);
        labels.insert("referee.build".to_owned(), spec.name.clone());
        BuildImageOptionsBuilder::default()
            .dockerfile(dockerfile)
            .t(&self.build_tag(&spec.name))
            .nocache(true)
            .rm(true)
            .forcerm(true)
            .networkmode(&spec.network)
            .shmsize(SHM_BYTES)
            .labels(&labels)
            .build()
    }
}

/// The parts of a request that [`BuildSpec`] does not contain.
pub(super) struct BuildRequest<'a> {
    /// The text to build.
    pub dockerfile: &'a str,
    /// Bytes of the context file that are sent.
    pub context_bytes: u64,
    /// Control group of the steps.
    pub cgroup_parent: Option<String>,
}

impl RunningBuild {
    /// Reads the engine's messages to the end, to an error or to the limit of the log.
    async fn follow(
        &mut self,
        messages: impl Stream<Item = std::result::Result<BuildInfo, EngineError>>,
        log_bytes_max: usize,
        is_last_part: bool,
    ) -> Result<Option<BuildEnd>> {
        let log_bytes_max = self.progress.log_bytes_max(log_bytes_max);
        let mut messages = std::pin::pin!(messages);
        while let Some(message) = messages.next().await {
            match message.map_err(refusal) {
                Ok(info) => self.log.push(&self.progress.read(info, is_last_part)),
                // The engine answers 200 and reports errors in the stream, except for a Dockerfile or a context that it
                // cannot read.
                Err(Ok(refusal)) if matches!(refusal.status, 200 | 400) => {
                    return self.progress.failure(&refusal.message).map(Some);
                }
                Err(Ok(refusal)) => return Err(refusal.into()),
                Err(Err(why)) => return Err(ExecutorError::Unreachable(format!("build: {why}"))),
            }
            if self.log.total() > log_bytes_max {
                return Ok(Some(BuildEnd::Limit(BuildLimitHit::Log)));
            }
        }
        Ok(None)
    }
}

/// The control group of BuildKit's steps for one build. Waits for the build of another process, as long as that may
/// take under the same limits, and for an interrupted step.
async fn buildkit_cgroup(group: &str, unified: bool, limits: &BuildLimits) -> Result<BuildCgroup> {
    let until = tokio::time::Instant::now() + limits.time.std() + CGROUP_PATIENCE;
    loop {
        match BuildCgroup::for_buildkit(group, unified, limits) {
            Err(e) if e.kind() == io::ErrorKind::ResourceBusy && tokio::time::Instant::now() < until => {
                tokio::time::sleep(CGROUP_PAUSE).await;
            }
            made => return Ok(made?),
        }
    }
}

/// The parameters that the client library cannot send, as the end of a query.
fn extra_parameters(limits: &BuildLimits, cgroup_parent: Option<&str>) -> String {
    let memory = limits.memory.to_string();
    let file_size = json!([{ "Name": "fsize", "Soft": limits.file, "Hard": limits.file }]);
    let mut query = form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("memory", &memory)
        .append_pair("memswap", &memory)
        .append_pair("cpuperiod", &build_cgroup::CPU_PERIOD.to_string())
        .append_pair("cpuquota", &build_cgroup::cpu_quota(limits).to_string())
        .append_pair("ulimits", &file_size.to_string());
    if let Some(parent) = cgroup_parent {
        query.append_pair("cgroupparent", parent);
    }
    format!("&{}", query.finish())
}
