//! Dockerfile and context to image, by the classic builder.
//!
//! It refuses to let the engine read any other Dockerfile than the one given, whatever is in the
//! context; to use a cache; and to believe the build's output about anything that matters: the
//! image is found by its tag, not by what was printed. Closing the connection ends a build and
//! everything it runs, so that is how limits are kept, and how dropping the future works.
//!
//! Two parameters that the client library does not know (`ulimits`, `cgroupparent`) and one that
//! it cuts to 31 bits (`memory`) are added to the request's address. They are read by moby's
//! `api/server/router/build/build_routes.go`, and ignored by BuildKit, which is why we ask for the
//! classic builder. The engine itself fetches `ADD <url>` and missing base images, whatever
//! `networkmode` says: rules must have refused the one, and `resolve` found the other.

use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bollard::models::BuildInfo;
use bollard::query_parameters::{
    BuildImageOptions, BuildImageOptionsBuilder, RemoveImageOptionsBuilder,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::io::AsyncReadExt;

use super::log::LogKeeper;
use super::meter::{self, Cage};
use super::{DockerEngine, is_name, refusal};
use crate::executor::{
    BuildEnd, BuildLimitHit, BuildReport, BuildSpec, Builder, ExecutorError, Result,
};
use crate::model::{ImageFacts, ImageId, Timestamp};

/// Stages of a Dockerfile whose images we remember, to remove them.
const TIPS_MAX: usize = 64;
/// Below this the engine itself is in danger, whoever filled its disk.
const DISK_RESERVE: u64 = 512 * 1024 * 1024;
const DISK_LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(1);
/// How long the engine may take to let go of a build that was ended.
const CLEARING_TRIES: u32 = 40;
const CLEARING_PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

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
        // The stream is closed: the engine ends what still runs. Wait until it has let go.
        let ran_out = work
            .traces
            .cage
            .as_ref()
            .and_then(|c| c.memory_ran_out(spec.limits.memory));
        work.traces.clear().await;
        let end = match end? {
            Some(end) => explain(end, spec, ran_out),
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

    async fn built(&self, name: &str) -> Result<Option<ImageFacts>> {
        self.resolve(&self.build_tag(name)).await
    }

    async fn resolve(&self, reference: &str) -> Result<Option<ImageFacts>> {
        self.image_facts(reference).await
    }

    async fn inspect(&self, image: &ImageId) -> Result<Option<ImageFacts>> {
        self.image_facts(image.as_str()).await
    }

    async fn remove(&self, image: &ImageId, name: &str) -> Result<()> {
        self.remove_image(&self.build_tag(name), true).await?;
        self.remove_image(image.as_str(), true).await
    }
}

/// A build under way: what it printed, how far it is, and what it leaves behind.
struct Work {
    log: LogKeeper,
    steps: Steps,
    traces: Traces,
    context_bytes: u64,
}

/// What must go when a build is over, also when its future is dropped in the middle.
struct Traces {
    engine: DockerEngine,
    cage: Option<Cage>,
    /// The last image of each stage, as printed. Anything can be printed: see [`Traces::clear`].
    tips: Vec<String>,
    since: Timestamp,
}

impl Traces {
    /// Removes intermediate images. An id that was printed is believed only if the image has no
    /// name and is younger than the build, and is not forced: an image that anything else is made
    /// from, or runs, stays.
    async fn clear(&mut self) {
        let engine = self.engine.clone();
        let (tips, cage) = (std::mem::take(&mut self.tips), self.cage.take());
        clear(engine, tips, cage, self.since).await;
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        self.engine.shared.builds.fetch_sub(1, Ordering::SeqCst);
        let (tips, cage) = (std::mem::take(&mut self.tips), self.cage.take());
        if tips.is_empty() && cage.is_none() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(clear(self.engine.clone(), tips, cage, self.since));
        }
    }
}

async fn clear(
    engine: DockerEngine,
    mut tips: Vec<String>,
    mut cage: Option<Cage>,
    since: Timestamp,
) {
    for _ in 0..CLEARING_TRIES {
        let mut held = Vec::new();
        for tip in tips {
            if engine.remove_leftover(&tip, since).await.is_err() {
                held.push(tip);
            }
        }
        tips = held;
        cage = cage.filter(|cage| !cage.remove());
        if tips.is_empty() && cage.is_none() {
            return;
        }
        tokio::time::sleep(CLEARING_PAUSE).await;
    }
    tracing::warn!(images = tips.len(), cage = ?cage, "a build left something behind");
}

impl DockerEngine {
    fn build_tag(&self, name: &str) -> String {
        format!("referee/build:{}.{name}", self.instance())
    }

    async fn begin(&self, spec: &BuildSpec) -> Result<Work> {
        let facts = self.facts().await?;
        let path = spec.context.clone();
        let context = tokio::task::spawn_blocking(move || end_of_tar(&path))
            .await
            .map_err(|panic| ExecutorError::Staging(io::Error::other(panic)))??;
        let info = self
            .call("info", |docker| async move { docker.info().await })
            .await??;
        let now = info.system_time.unwrap_or_default();
        let since = Timestamp::parse(&now).map_err(ExecutorError::Refused)?;
        let unified = facts.cgroup_version == "2";
        let cage = match Cage::possible(&facts, self.is_local(&facts)) {
            Ok(()) => {
                let name = format!("{}-{}", self.instance(), spec.name);
                Some(Cage::new(&name, unified, spec.limits.processes)?)
            }
            Err(_) => None,
        };
        self.shared.builds.fetch_add(1, Ordering::SeqCst);
        Ok(Work {
            log: LogKeeper::default(),
            steps: Steps::default(),
            traces: Traces {
                engine: self.clone(),
                cage,
                tips: Vec::new(),
                since,
            },
            context_bytes: context,
        })
    }

    /// `None` when the engine says nothing against it: the image should be there.
    async fn run_build(&self, spec: &BuildSpec, work: &mut Work) -> Result<Option<BuildEnd>> {
        let file = tokio::fs::File::open(&spec.context).await?;
        let dockerfile = dockerfile_name(&spec.name);
        let tail = dockerfile_entry(&dockerfile, &spec.dockerfile)?;
        let body = bollard::body_try_stream(context_stream(file, work.context_bytes, tail));
        let parent = work.traces.cage.as_ref().map(Cage::parent);
        let extra = extra_parameters(spec, parent.as_deref());
        let client = self
            .client()
            .map_err(|e| ExecutorError::Unreachable(e.to_string()))?
            .with_timeout(spec.limits.time.std()) // the answer begins when the context is read
            .with_request_modifier(move |mut request| {
                if let Ok(address) = format!("{}{extra}", request.uri()).parse() {
                    *request.uri_mut() = address;
                }
                request
            });
        let lines = client.build_image(self.build_options(spec, &dockerfile), None, Some(body));
        tokio::select! {
            end = listen(lines, spec, work) => end,
            () = tokio::time::sleep(spec.limits.time.std()) => {
                Ok(Some(BuildEnd::Limit(BuildLimitHit::Time)))
            }
            end = self.watch_disk(spec.limits.disk) => end.map(Some),
        }
    }

    fn build_options(&self, spec: &BuildSpec, dockerfile: &str) -> BuildImageOptions {
        let mut labels: std::collections::HashMap<String, String> = spec
            .labels
            .iter()
            .map(|(name, value)| (format!("referee.{name}"), value.clone()))
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
    /// took it: while others build too, only a build whose own images and containers are visibly
    /// large is ended. Never returns where the disk cannot be seen.
    async fn watch_disk(&self, limit: u64) -> Result<BuildEnd> {
        let facts = self.facts().await?;
        let free = || meter::free_bytes(&facts.root);
        let Some(at_start) = self.is_local(&facts).then(free).and_then(io::Result::ok) else {
            return std::future::pending().await;
        };
        loop {
            tokio::time::sleep(DISK_LOOK_EVERY).await;
            let left = free()?;
            let alone = self.shared.builds.load(Ordering::SeqCst) <= 1;
            if at_start.saturating_sub(left) > limit && alone {
                return Ok(BuildEnd::Limit(BuildLimitHit::Disk));
            }
            if left < DISK_RESERVE {
                return Err(ExecutorError::Refused(
                    "the engine's disk is full".to_owned(),
                ));
            }
        }
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
            id: Self::image_id(seen.id.as_deref())?,
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
    async fn remove_image(&self, name: &str, force: bool) -> Result<()> {
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

    async fn remove_leftover(&self, tip: &str, since: Timestamp) -> Result<()> {
        let answer = self
            .call(
                "image",
                |docker| async move { docker.inspect_image(tip).await },
            )
            .await?;
        let Ok(seen) = answer else {
            return Ok(());
        };
        let created = seen.created.and_then(|at| Timestamp::parse(&at).ok());
        let unnamed = seen.repo_tags.is_none_or(|tags| tags.is_empty());
        match unnamed && created.is_some_and(|at| at >= since) {
            true => self.remove_image(tip, false).await,
            false => Ok(()),
        }
    }
}

/// Reads what the engine says until the end, an error or the limit of the log.
async fn listen(
    lines: impl Stream<Item = std::result::Result<BuildInfo, bollard::errors::Error>>,
    spec: &BuildSpec,
    work: &mut Work,
) -> Result<Option<BuildEnd>> {
    let mut lines = std::pin::pin!(lines);
    while let Some(line) = lines.next().await {
        match line {
            Ok(info) => {
                let text = info.stream.or(info.status).unwrap_or_default();
                work.log.push(text.as_bytes());
                work.steps.read(&text, &mut work.traces.tips);
                if work.log.total() > spec.limits.log as u64 {
                    return Ok(Some(BuildEnd::Limit(BuildLimitHit::Log)));
                }
            }
            Err(error) => match refusal(error) {
                // The engine answers 200 and tells errors in the stream, but for a Dockerfile or
                // a context that it cannot read.
                Ok(refusal) if matches!(refusal.status, 200 | 400) => {
                    return work.steps.failure(refusal.message).map(Some);
                }
                Ok(refusal) => return Err(refusal.into()),
                Err(why) => return Err(ExecutorError::Unreachable(format!("build: {why}"))),
            },
        }
    }
    Ok(None)
}

/// Where a build is, from the lines that the engine prints between those of the steps.
#[derive(Debug, Default)]
struct Steps {
    now: u32,
    of: u32,
    is_from: bool,
}

impl Steps {
    /// A step can print such lines, too. Only the next number in the row counts, so the worst
    /// that comes of it is that its author is shown a later line of the own Dockerfile.
    fn read(&mut self, text: &str, tips: &mut Vec<String>) {
        if let Some((number, of, instruction)) = step_line(text)
            && number == self.now + 1
            && (self.of == 0 || self.of == of)
        {
            (self.now, self.of) = (number, of);
            self.is_from = instruction.starts_with("FROM");
        }
        let id = text.trim_end().strip_prefix(" ---> ").unwrap_or_default();
        if id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()) {
            // A stage begins where its base is named; until then the newest replaces the last.
            if !self.is_from {
                tips.pop();
            }
            if tips.len() < TIPS_MAX {
                tips.push(id.to_owned());
            }
        }
    }

    /// A base image that is not there is nobody's fault but ours: rules allow only those we have.
    fn failure(&self, says: String) -> Result<BuildEnd> {
        let by_step = says.starts_with("The command") || says.starts_with("COPY failed");
        if self.is_from && !by_step {
            return Err(ExecutorError::Refused(format!("base image: {says}")));
        }
        Ok(BuildEnd::Failed {
            step: (self.now > 0).then_some(self.now),
            says,
        })
    }
}

/// `Step 3/7 : RUN make`
fn step_line(text: &str) -> Option<(u32, u32, &str)> {
    let (count, instruction) = text.strip_prefix("Step ")?.split_once(" : ")?;
    let (number, of) = count.split_once('/')?;
    Some((number.parse().ok()?, of.parse().ok()?, instruction))
}

/// Says more about the codes that a limit causes. Where the kernel did not tell whether memory
/// ran out, both possibilities are named.
fn explain(end: BuildEnd, spec: &BuildSpec, ran_out: Option<bool>) -> BuildEnd {
    let BuildEnd::Failed { step, says } = end else {
        return end;
    };
    let code = says
        .rsplit_once("non-zero code: ")
        .map(|(_, code)| code.trim());
    let mebi = |bytes: u64| bytes / (1024 * 1024);
    let hint = match (code, ran_out) {
        (Some("137"), Some(true)) => return BuildEnd::Limit(BuildLimitHit::Memory),
        (Some("137"), None) => format!(
            " (It was killed, most likely for using more than {} MiB of memory, or it ended itself with this code.)",
            mebi(spec.limits.memory)
        ),
        (Some("153"), _) => format!(
            " (A step may not write a file larger than {} MiB.)",
            mebi(spec.limits.file)
        ),
        _ => String::new(),
    };
    BuildEnd::Failed {
        step,
        says: format!("{}{hint}", super::log::plain(says.as_bytes())),
    }
}

fn dockerfile_name(build: &str) -> String {
    format!(".referee-{build}.Dockerfile")
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

/// Where the last entry of a tar ends: what follows are the zeros that close it. The Dockerfile
/// is put there, because of two entries of one name the engine takes the later one.
fn end_of_tar(path: &Path) -> io::Result<u64> {
    let file = std::fs::File::open(path)?;
    let mut archive = tar::Archive::new(io::BufReader::new(file));
    let mut end = 0;
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        let size = entry.header().entry_size()?;
        end = entry.raw_file_position() + size.div_ceil(512) * 512;
    }
    Ok(end)
}

/// A tar entry, and the zeros that close the archive.
fn dockerfile_entry(name: &str, text: &str) -> io::Result<Bytes> {
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, name, text.as_bytes())?;
    tar.into_inner().map(Bytes::from)
}

/// The first `length` bytes of the file, then `tail`.
fn context_stream(
    file: tokio::fs::File,
    length: u64,
    tail: Bytes,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    const PIECE: usize = 128 * 1024;
    let pieces = futures_util::stream::try_unfold(file.take(length), |mut file| async move {
        let mut piece = Vec::with_capacity(PIECE);
        (&mut file)
            .take(PIECE as u64)
            .read_to_end(&mut piece)
            .await?;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
    });
    pieces.chain(futures_util::stream::once(async move { Ok(tail) }))
}
