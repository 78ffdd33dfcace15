//! The answers of the classic builder: steps, images of the stages, the end. Nothing is judged here.

use bollard::models::ImageConfig;
use bollard::query_parameters::{BuildImageOptionsBuilder, RemoveImageOptionsBuilder};
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::StreamExt;
use referee::model::ImageId;

use crate::bench::{self, socket};

/// An engine with a base image of this test. No other build has steps on this base.
pub(super) struct Engine {
    docker: Docker,
    runtime: tokio::runtime::Runtime,
    /// Name of the base image.
    pub name: String,
    pub base: ImageId,
}

/// The result of a build.
#[derive(Debug)]
pub(super) struct Built {
    /// `ENV A=1`, as the engine prints them.
    pub steps: Vec<String>,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// For each stage, its steps from the last to the first, from the history of its last image.
    pub histories: Vec<Vec<String>>,
    /// The configuration of the image, if there is one.
    pub config: Option<ImageConfig>,
    /// The last image of each stage.
    tips: Vec<String>,
    /// The stage has no image yet.
    begins: bool,
}

impl Engine {
    pub(super) fn new(part: u32) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let address = socket();
        let docker = match address.strip_prefix("unix://").unwrap_or(&address) {
            path if path.starts_with('/') => Docker::connect_with_unix(path, 60, API_DEFAULT_VERSION).unwrap(),
            url => Docker::connect_with_http(url, 60, API_DEFAULT_VERSION).unwrap(),
        };
        let name = format!("referee-test-differential:{:08}-{part}", std::process::id());
        let mut engine = Self { docker, runtime, name, base: referee::model::Digest::of(b"") };
        // A unique label keeps the steps on it apart.
        let text = format!("FROM {}\nLABEL referee.test={}\n", bench::BASE, engine.name);
        let made = engine.runtime.block_on(engine.answers(&text, false, true));
        assert_eq!(made.error, None);
        let image = engine.runtime.block_on(engine.docker.inspect_image(&engine.name));
        engine.base = ImageId::new(image.unwrap().id.unwrap()).unwrap();
        engine
    }

    pub(super) fn build(&self, text: &str, cached: bool) -> Built {
        self.runtime.block_on(self.answers(text, cached, false))
    }

    async fn answers(&self, text: &str, cached: bool, tagged: bool) -> Built {
        let options = BuildImageOptionsBuilder::default()
            .dockerfile("Dockerfile")
            .nocache(!cached)
            .rm(true)
            .forcerm(true)
            .networkmode("none");
        let options = if tagged { options.t(&self.name) } else { options };
        let body = bollard::body_full(context(text).into());
        let mut lines = std::pin::pin!(self.docker.build_image(options.build(), None, Some(body)));
        let mut built = Built {
            steps: Vec::new(),
            error: None,
            histories: Vec::new(),
            config: None,
            tips: Vec::new(),
            begins: true,
        };
        while let Some(line) = lines.next().await {
            match line {
                Ok(info) => built.read(&info.stream.unwrap_or_default()),
                Err(error) => built.error = Some(without_layer(&error.to_string())),
            }
        }
        for tip in &built.tips {
            let steps = self.docker.image_history(tip).await.unwrap().into_iter();
            built.histories.push(steps.map(|step| step.created_by).collect());
        }
        if let (None, Some(last)) = (&built.error, built.tips.last()) {
            built.config = self.docker.inspect_image(last).await.unwrap().config;
        }
        built
    }

    /// Removes the leftovers of builds. The second build may have used the images of the first.
    pub(super) fn forget(&self, builds: [&Built; 2]) {
        let tips = builds.into_iter().flat_map(|built| built.tips.iter().rev());
        for tip in tips {
            self.remove(tip);
        }
    }

    fn remove(&self, image: &str) {
        let base = self.base.as_str().trim_start_matches("sha256:");
        if !base.starts_with(image) {
            let options = RemoveImageOptionsBuilder::default().build();
            let removed = self.docker.remove_image(image, Some(options), None);
            // It is gone already, or another image that is removed later needs it.
            let _ = self.runtime.block_on(removed);
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let options = RemoveImageOptionsBuilder::default().force(true).build();
        let removed = self.docker.remove_image(&self.name, Some(options), None);
        let _ = self.runtime.block_on(removed);
    }
}

impl Built {
    fn read(&mut self, text: &str) {
        let step = text.strip_prefix("Step ").and_then(|t| t.split_once(" : "));
        if let Some((_, step)) = step {
            let word = step.get(..4).unwrap_or_default();
            self.begins |= word.eq_ignore_ascii_case("FROM");
            self.steps.push(step.to_owned());
        }
        let id = text.trim_end().strip_prefix(" ---> ").unwrap_or_default();
        if id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()) {
            if !std::mem::take(&mut self.begins) {
                self.tips.pop();
            }
            self.tips.push(id.to_owned());
        }
    }
}

/// A few files and the Dockerfile. COPY does not see the Dockerfile, because it differs between the two builds.
fn context(dockerfile: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, text) in [
        ("Dockerfile", dockerfile),
        (".dockerignore", ".dockerignore\nDockerfile\n"),
        ("a.txt", "a"),
        ("b.txt", "b"),
        ("with blank", "c"),
        ("dir/d.txt", "d"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

/// The engine's message without the folder of a layer, which differs between builds.
fn without_layer(message: &str) -> String {
    let is_digest = |part: &&str| part.len() >= 60 && part.bytes().all(|b| b.is_ascii_hexdigit());
    let parts: Vec<_> = message.split('/').map(|part| if is_digest(&part) { "LAYER" } else { part }).collect();
    parts.join("/")
}
