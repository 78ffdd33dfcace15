//! Dockerfile and context to image, by the classic builder unless told otherwise.
//!
//! It refuses to let the engine read any other Dockerfile than the one given, whatever is in the
//! context; to use a cache; and to believe the build's output about anything that matters: the
//! image is found by its tag, not by what was printed. Closing the connection ends a build and
//! everything it runs, so that is how limits are kept, and how dropping the future works.
//!
//! Two parameters that the client library does not know (`ulimits`, `cgroupparent`) and one that
//! it cuts to 31 bits (`memory`) are added to the request's address. They are read by moby's
//! `api/server/router/build/build_routes.go`, and ignored by BuildKit, which is why the classic
//! builder comes first; what BuildKit needs instead is in [`super::buildkit`]. The engine itself fetches `ADD <url>` and missing base images, whatever
//! `networkmode` says: rules must have refused the one, and `resolve` found the other.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bollard::Docker;
use bollard::errors::Error as EngineError;
use bollard::models::{BuildInfo, BuildInfoAux, ImageSummary};
use bollard::query_parameters::{
    BuildImageOptions, BuildImageOptionsBuilder, InspectContainerOptionsBuilder,
    ListImagesOptionsBuilder, RemoveImageOptionsBuilder,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::log::LogKeeper;
use super::meter::{self, Cage, Used};
use super::trace::{self, Trace};
use super::traces::{OfBuildKit, Traces};
use super::transcript::{Steps, explain};
use super::{DockerEngine, context, cuts, is_name, mark, refusal, sandbox};
use crate::executor::{
    BuildEnd, BuildLimitHit, BuildLimits, BuildReport, BuildSpec, Builder, ExecutorError, LoadEnd,
    Result,
};
use crate::model::{BuildsWith, Found, ImageFacts, ImageId, Timestamp};

/// Under which all images are kept that submissions brought.
pub(super) const BUILDS: &str = "referee/build";
/// Below this the engine itself is in danger, whoever filled its disk.
const DISK_RESERVE: u64 = 512 * 1024 * 1024;
/// Files and folders that a build may add to the engine's disk, where it has a bound of them.
const FILES_MAX: u64 = 2_000_000;
const DISK_LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(1);
/// While several build, the one that takes too much has this many looks to be found and ended.
const LOOKS_OVER_MAX: u32 = 10;
/// Beyond the time that a build may take, its end needs a moment.
const CAGE_PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
const CAGE_PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

#[async_trait]
impl Builder for DockerEngine {
    async fn build(&self, spec: &BuildSpec) -> Result<BuildReport> {
        if !is_name(&spec.name, 63) {
            return Err(ExecutorError::Refused(format!(
                "build name `{}`",
                spec.name
            )));
        }
        let mut work = self.begin(spec).await?;
        let end = self.run_build(spec, &mut work).await;
        let log = work.log.excerpt();
        let used = work.traces.cage.as_ref().map(|c| c.used(&spec.limits));
        // The stream is closed: the engine ends what still runs. Wait until it has let go.
        work.traces.tips = work.steps.take_tips();
        work.traces.clear().await;
        let end = match end? {
            Some(end) => explain(end, &spec.limits, &used.unwrap_or(Used::UNKNOWN)),
            None => {
                let built = self.image_facts(&self.build_tag(&spec.name)).await?;
                let facts = built.ok_or_else(|| {
                    ExecutorError::Refused("the build ended without error and image".to_owned())
                })?;
                BuildEnd::Built(Box::new(facts))
            }
        };
        Ok(BuildReport { end, log })
    }

    async fn load(&self, archive: &Path, image: &ImageId, name: &str) -> Result<LoadEnd> {
        self.load_archive(archive, image, name).await
    }

    async fn save(&self, image: &ImageId, into: &Path, most: u64) -> Result<()> {
        self.save_archive(image, into, most).await
    }

    async fn built(&self, name: &str) -> Result<Option<ImageFacts>> {
        self.resolve(&self.build_tag(name)).await
    }

    async fn resolve(&self, reference: &str) -> Result<Option<ImageFacts>> {
        self.image_facts(reference).await
    }

    async fn inspect(&self, image: &ImageId) -> Result<Option<ImageFacts>> {
        self.image_facts(image.as_str()).await
    }

    async fn look(
        &self,
        image: &ImageId,
        name: &str,
        paths: &[String],
    ) -> Result<BTreeMap<String, Found>> {
        self.look_into(image, name, paths).await
    }

    async fn made(&self, beginning: &str) -> Result<Vec<(ImageId, String)>> {
        let own = format!("{}*", self.build_tag(beginning));
        let listed = self.images(&[("reference", &own)]).await?;
        let before = self.build_tag("");
        let mut made = Vec::new();
        for image in listed {
            let id = image_id(Some(&image.id))?;
            let names = image
                .repo_tags
                .iter()
                .filter_map(|t| t.strip_prefix(&before));
            let names = names.filter(|name| name.starts_with(beginning));
            made.extend(names.map(|name| (id.clone(), name.to_owned())));
        }
        Ok(made)
    }

    async fn sweep(&self) -> Result<usize> {
        if self.options().builds_with == BuildsWith::BuildKit {
            self.sweep_buildkit().await?;
        }
        self.remove_unnamed().await
    }

    async fn remove(&self, image: &ImageId, name: &str) -> Result<()> {
        self.remove_image(&self.build_tag(name), true).await?;
        // The same image may have been pushed twice, or be one that others are built on.
        match self.has_a_name(image).await? {
            true => Ok(()),
            false => self.remove_image(image.as_str(), true).await,
        }
    }
}

/// What the engine is told to build: all of a Dockerfile, or its beginning.
pub(super) struct Part {
    /// With our label behind each `FROM`, and whether it is there.
    pub text: (String, bool),
    /// Whether it is all of it.
    pub last: bool,
    /// Whether steps may come from the cache, where this build has just put them.
    pub cached: bool,
}

impl Part {
    /// By what name the beginning of a build is built.
    pub fn name(spec: &BuildSpec) -> String {
        format!("{}-part", spec.name)
    }
}

/// A build under way: what it printed, how far it is, and what it leaves behind.
pub(super) struct Work {
    log: LogKeeper,
    steps: Steps,
    /// Steps of all of it, as the engine counts them.
    all_steps: u32,
    /// What tells the steps of BuildKit, if that builds.
    trace: Option<Trace>,
    traces: Traces,
    context_bytes: u64,
}

/// So that a future that is dropped in the middle leaves no image either.
impl Drop for Work {
    fn drop(&mut self) {
        self.traces.tips.extend(self.steps.take_tips());
    }
}

impl DockerEngine {
    pub(super) fn build_tag(&self, name: &str) -> String {
        format!("{BUILDS}:{}", self.tag_part(name))
    }

    /// The part of a tag behind the colon.
    pub(super) fn tag_part(&self, name: &str) -> String {
        format!("{}.{name}", self.instance())
    }

    async fn begin(&self, spec: &BuildSpec) -> Result<Work> {
        let facts = self.facts().await?;
        let path = spec.context.clone();
        let context = tokio::task::spawn_blocking(move || context::end_of_tar(&path))
            .await
            .map_err(|panic| ExecutorError::Staging(io::Error::other(panic)))??;
        let info = self
            .call("info", |docker| async move { docker.info().await })
            .await??;
        let now = info.system_time.unwrap_or_default();
        let since = Timestamp::parse(&now).map_err(ExecutorError::Refused)?;
        let alone = match self.options().builds_with {
            BuildsWith::Classic => None,
            BuildsWith::BuildKit => Some(self.shared.builds.alone.clone().lock_owned().await),
        };
        let unified = facts.cgroup_version == "2";
        let cage = match Cage::possible(&facts, self.is_local(&facts)) {
            Ok(()) if alone.is_some() => {
                let group = self.buildkit_group(&facts).await?;
                Some(buildkit_cage(&group, unified, &spec.limits).await?)
            }
            Ok(()) => {
                let name = format!("{}-{}", self.instance(), spec.name);
                Some(Cage::new(&name, unified, spec.limits.processes)?)
            }
            Err(_) => None,
        };
        let under_way = self.shared.builds.under_way.clone().read_owned().await;
        self.shared.builds.count.fetch_add(1, Ordering::SeqCst);
        Ok(Work {
            log: LogKeeper::default(),
            steps: Steps::default(),
            all_steps: 0,
            trace: alone.is_some().then(|| Trace::new(&spec.dockerfile)),
            traces: Traces {
                engine: self.clone(),
                cage,
                part: None,
                tips: Vec::new(),
                since,
                _under_way: under_way,
                buildkit: alone.map(|alone| OfBuildKit {
                    bases: Vec::new(),
                    _alone: alone,
                }),
            },
            context_bytes: context,
        })
    }

    /// `None` when the engine says nothing against it: the image should be there.
    async fn run_build(&self, spec: &BuildSpec, work: &mut Work) -> Result<Option<BuildEnd>> {
        let cage = work.traces.cage.clone();
        tokio::select! {
            end = self.build_all(spec, work) => end,
            () = tokio::time::sleep(spec.limits.time.std()) => {
                Ok(Some(BuildEnd::Limit(BuildLimitHit::Time)))
            }
            end = self.watch_disk(spec.limits.disk, cage.as_ref()) => end.map(Some),
        }
    }

    async fn build_all(&self, spec: &BuildSpec, work: &mut Work) -> Result<Option<BuildEnd>> {
        let text = match &mut work.traces.buildkit {
            Some(buildkit) => {
                let (text, bases) = self.name_bases(&spec.dockerfile).await?;
                buildkit.bases = bases;
                (text, false)
            }
            // BuildKit reads nothing of what it has built before it starts a step, unless a user is named.
            None if let Some(word) = &spec.guarded => {
                return self.build_guarded(spec, (work, word)).await;
            }
            None => mark::marked(&spec.dockerfile, &self.made_by()),
        };
        let part = Part {
            text,
            last: true,
            cached: false,
        };
        self.build_part(spec, work, &part).await
    }

    /// Builds all of a Dockerfile, or its beginning.
    pub(super) async fn build_part(
        &self,
        spec: &BuildSpec,
        work: &mut Work,
        part: &Part,
    ) -> Result<Option<BuildEnd>> {
        let (text, marked) = &part.text;
        if work.trace.is_none() {
            let shown = work.steps.shown();
            work.steps = Steps::new(*marked, shown);
            work.all_steps = cuts::steps(spec, *marked);
        }
        if !part.last {
            work.traces.part = Some(self.build_tag(&Part::name(spec)));
        }
        let parent = work.traces.cage.as_ref().map(Cage::parent);
        let of_context = (work.context_bytes, parent.as_deref());
        let (client, mut options, context) = self.request(spec, text, of_context).await?;
        options.nocache = !part.cached;
        if !part.last {
            options.t = Some(self.build_tag(&Part::name(spec)));
            options.labels = None;
        }
        let body = bollard::body_try_stream(context);
        let lines = client.build_image(options, None, Some(body));
        listen(lines, spec, (work, part.last)).await
    }

    /// A client, options and the context for a build whose Dockerfile is `text`, with the bytes of the context that
    /// are to be sent and the control group of its steps. The build ends when its answer is dropped.
    pub(super) async fn request(
        &self,
        spec: &BuildSpec,
        text: &str,
        (context_bytes, parent): (u64, Option<&str>),
    ) -> Result<(
        Docker,
        BuildImageOptions,
        impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    )> {
        let with = self.options().builds_with;
        let file = tokio::fs::File::open(&spec.context).await?;
        let dockerfile = context::dockerfile_name(&spec.name);
        let tail = context::last_entries(&dockerfile, text)?;
        let context = context::stream(file, context_bytes, tail);
        let extra = extra_parameters(spec, parent);
        let client = self
            .client()
            .map_err(|e| ExecutorError::Unreachable(e.to_string()))?
            .with_timeout(spec.limits.time.std()) // the answer begins when the context is read
            .with_request_modifier(move |mut request| {
                let address = format!("{}{extra}", request.uri());
                // The client library wants a session for BuildKit, which needs none for a context in the body.
                let address = match with {
                    BuildsWith::Classic => address,
                    BuildsWith::BuildKit => address.replacen("version=1", "version=2", 1),
                };
                if let Ok(address) = address.parse() {
                    *request.uri_mut() = address;
                }
                request
            });
        let options = self.build_options(spec, &dockerfile);
        Ok((client, options, context))
    }

    fn build_options(&self, spec: &BuildSpec, dockerfile: &str) -> BuildImageOptions {
        let mut labels: HashMap<String, String> = spec
            .labels
            .iter()
            .map(|(name, value)| (sandbox::label_name(name), value.clone()))
            .collect();
        labels.insert("referee.build".to_owned(), spec.name.clone());
        BuildImageOptionsBuilder::default()
            .dockerfile(dockerfile)
            .t(&self.build_tag(&spec.name))
            .nocache(true)
            .rm(true)
            .forcerm(true)
            .networkmode(&spec.network)
            .shmsize(64 * 1024 * 1024)
            .labels(&labels)
            .build()
    }

    /// Ends the build when the engine's disk has lost more than it may. The disk does not say who
    /// took it: while others build too, the one whose containers are visibly large is ended, and
    /// if there is none, nobody is blamed. Never returns where the disk cannot be seen.
    async fn watch_disk(&self, limit: u64, cage: Option<&Cage>) -> Result<BuildEnd> {
        let facts = self.facts().await?;
        let free = || meter::free(&facts.root);
        let Some(at_start) = self.is_local(&facts).then(free).and_then(io::Result::ok) else {
            return std::future::pending().await;
        };
        let (mut crowded, mut looks_over) = (false, 0);
        loop {
            tokio::time::sleep(DISK_LOOK_EVERY).await;
            crowded |= self.shared.builds.count.load(Ordering::SeqCst) > 1;
            let left = free()?;
            let files = at_start.files.zip(left.files);
            let files = files.map_or(0, |(before, now)| before.saturating_sub(now));
            let many = files > FILES_MAX;
            looks_over = match many || at_start.bytes.saturating_sub(left.bytes) > limit {
                true => looks_over + 1,
                false => 0,
            };
            if looks_over > 0 && (!crowded || self.visible_bytes(cage).await > limit / 2) {
                return Ok(BuildEnd::Limit(BuildLimitHit::Disk));
            }
            if looks_over > LOOKS_OVER_MAX || left.bytes < DISK_RESERVE {
                return Err(ExecutorError::Refused(format!(
                    "{} MiB are left on the engine's disk, and it is not known who took the rest",
                    left.bytes / (1024 * 1024)
                )));
            }
        }
    }

    /// Bytes in the writable layers of this build's containers. Files that were unlinked while
    /// open are not among them.
    async fn visible_bytes(&self, cage: Option<&Cage>) -> u64 {
        let options = &InspectContainerOptionsBuilder::default().size(true).build();
        let mut bytes = 0;
        for container in &cage.map(Cage::containers).unwrap_or_default() {
            let answer = self
                .call("inspect", |docker| async move {
                    let options = Some(options.clone());
                    docker.inspect_container(container, options).await
                })
                .await;
            if let Ok(Ok(seen)) = answer {
                bytes += seen
                    .size_rw
                    .and_then(|b| u64::try_from(b).ok())
                    .unwrap_or(0);
            }
        }
        bytes
    }

    /// The images that pass all of these filters.
    pub(super) async fn images(&self, filters: &[(&str, &str)]) -> Result<Vec<ImageSummary>> {
        let filters: HashMap<_, _> = filters.iter().map(|(k, v)| (*k, vec![*v])).collect();
        let options = &ListImagesOptionsBuilder::default()
            .filters(&filters)
            .build();
        let answer = self.call("list images", |docker| async move {
            docker.list_images(Some(options.clone())).await
        });
        Ok(answer.await??)
    }

    /// The facts of an image; `None` when the engine has no image of that name.
    pub(super) async fn image_facts(&self, name: &str) -> Result<Option<ImageFacts>> {
        let answer = self
            .call(
                "image",
                |docker| async move { docker.inspect_image(name).await },
            )
            .await?;
        let seen = match answer {
            Ok(seen) => seen,
            Err(refusal) if refusal.status == 404 => return Ok(None),
            Err(refusal) => return Err(refusal.into()),
        };
        let config = seen.config.unwrap_or_default();
        let layers = seen.root_fs.and_then(|fs| fs.layers).unwrap_or_default();
        Ok(Some(ImageFacts {
            id: image_id(seen.id.as_deref())?,
            os: seen.os.unwrap_or_default(),
            architecture: seen.architecture.unwrap_or_default(),
            bytes: seen.size.and_then(|s| u64::try_from(s).ok()).unwrap_or(0),
            layers: layers.len(),
            user: config.user.unwrap_or_default(),
            entrypoint: config.entrypoint.unwrap_or_default(),
            command: config.cmd.unwrap_or_default(),
            working_dir: config.working_dir.unwrap_or_default(),
            volumes: config.volumes.unwrap_or_default(),
            env: config.env.unwrap_or_default(),
            on_build: config.on_build.unwrap_or_default(),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
        }))
    }

    /// Removes an image and the unnamed ones below it. Gone already is fine.
    pub(super) async fn remove_image(&self, name: &str, force: bool) -> Result<()> {
        let options = &RemoveImageOptionsBuilder::default().force(force).build();
        let answer = self
            .call("remove image", |docker| async move {
                docker.remove_image(name, Some(options.clone()), None).await
            })
            .await?;
        match answer {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.status == 404 => Ok(()),
            Err(refusal) => Err(refusal.into()),
        }
    }

    async fn has_a_name(&self, image: &ImageId) -> Result<bool> {
        let answer = self
            .call("image", |docker| async move {
                docker.inspect_image(image.as_str()).await
            })
            .await?;
        let names = |names: Option<Vec<String>>| names.is_some_and(|names| !names.is_empty());
        Ok(answer.is_ok_and(|seen| names(seen.repo_tags) || names(seen.repo_digests)))
    }
}

/// The control group of BuildKit's steps for one build. Waits for a build of another process as long as that may
/// take if it has the same limits, and for a step that was cut off.
async fn buildkit_cage(group: &str, unified: bool, limits: &BuildLimits) -> Result<Cage> {
    let until = tokio::time::Instant::now() + limits.time.std() + CAGE_PATIENCE;
    loop {
        match Cage::around_buildkit(group, unified, limits) {
            Err(e)
                if e.kind() == io::ErrorKind::ResourceBusy
                    && tokio::time::Instant::now() < until =>
            {
                tokio::time::sleep(CAGE_PAUSE).await;
            }
            made => return Ok(made?),
        }
    }
}

/// Images are named by digest.
fn image_id(text: Option<&str>) -> Result<ImageId> {
    ImageId::new(text.unwrap_or_default())
        .map_err(|e| ExecutorError::Refused(format!("the engine names an image oddly: {e}")))
}

/// Reads what the engine says until the end, an error or the limit of the log.
async fn listen(
    lines: impl Stream<Item = std::result::Result<BuildInfo, EngineError>>,
    spec: &BuildSpec,
    (work, last): (&mut Work, bool),
) -> Result<Option<BuildEnd>> {
    let log_max = match work.trace {
        Some(_) => spec.limits.log.min(trace::LOG_MAX) as u64,
        None => spec.limits.log as u64,
    };
    let mut lines = std::pin::pin!(lines);
    while let Some(line) = lines.next().await {
        match line {
            Ok(info) => {
                match (&mut work.trace, info.aux) {
                    (Some(trace), Some(BuildInfoAux::BuildKit(status))) => {
                        work.log.push(&trace.read(&status));
                    }
                    _ => {
                        let text = info.stream.or(info.status).unwrap_or_default();
                        work.steps.read(&text);
                        if work.trace.is_some() || work.steps.is_news(&text, last) {
                            let text = work.steps.counted(&text, work.all_steps);
                            work.log.push(text.as_bytes());
                        }
                    }
                }
                if work.log.total() > log_max {
                    return Ok(Some(BuildEnd::Limit(BuildLimitHit::Log)));
                }
            }
            Err(error) => match refusal(error) {
                // The engine answers 200 and tells errors in the stream, but for a Dockerfile or
                // a context that it cannot read.
                Ok(refusal) if matches!(refusal.status, 200 | 400) => {
                    return match &work.trace {
                        Some(trace) => trace.failure(&refusal.message).map(Some),
                        None => work.steps.failure(refusal.message).map(Some),
                    };
                }
                Ok(refusal) => return Err(refusal.into()),
                Err(why) => return Err(ExecutorError::Unreachable(format!("build: {why}"))),
            },
        }
    }
    Ok(None)
}

/// The parameters that the client library cannot send.
fn extra_parameters(spec: &BuildSpec, cgroup: Option<&str>) -> String {
    let limits = &spec.limits;
    let file = limits.file;
    let ulimits = format!(r#"[{{"Name":"fsize","Soft":{file},"Hard":{file}}}]"#);
    let memory = limits.memory;
    let quota = u64::from(limits.cpu_percent) * 1000;
    let mut text = format!(
        "&memory={memory}&memswap={memory}&cpuperiod=100000&cpuquota={quota}&ulimits={}",
        percent_encoded(&ulimits)
    );
    if let Some(cgroup) = cgroup {
        text.push_str("&cgroupparent=");
        text.push_str(&percent_encoded(cgroup));
    }
    text
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(b).to_string()
            }
            _ => format!("%{b:02X}"),
        })
        .collect()
}
