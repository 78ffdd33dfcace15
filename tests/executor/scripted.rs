//! A scripted engine: it records its calls and answers by a script. For rare behaviour of a real engine (a restart, a
//! deviation from the request, a warning), and for GPUs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use referee::executor::docker::{DockerEngine, DockerOptions};
use referee::executor::{ExecutorError, JobStatus, Runner};
use referee::model::GpuUuid;
use referee::pipeline::slots::Slots;
use serde_json::{Value, json};

use super::bench::plain_job;

/// The deviations of the engine from a correct one.
#[derive(Default)]
struct Script {
    /// Changes what `inspect` shows of a job.
    tamper: Option<fn(&mut Value)>,
    warnings: Vec<&'static str>,
    start: Option<(u16, &'static str)>,
    /// It has lost its exec instances.
    restarted: bool,
    ended: Option<i64>,
}

#[derive(Default)]
struct Engine {
    script: Script,
    calls: Vec<String>,
    containers: BTreeMap<String, Value>,
    /// GPUs that were requested while another container had them.
    booked_twice: Vec<String>,
    /// The largest number of GPUs in use at the same time.
    most_gpus: usize,
}

/// The GPUs in a create request.
fn gpus_of(body: &Value) -> Vec<String> {
    let requests = body["HostConfig"]["DeviceRequests"].as_array();
    requests
        .into_iter()
        .flatten()
        .flat_map(|r| r["DeviceIDs"].as_array().cloned().unwrap_or_default())
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect()
}

type Shared = Arc<Mutex<Engine>>;

struct Scripted {
    engine: DockerEngine,
    shared: Shared,
    _socket: tempfile::TempDir,
}

impl Scripted {
    async fn new(script: Script) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("engine.sock");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let shared = Shared::default();
        shared.lock().unwrap().script = script;
        let router = axum::Router::new().fallback(answer).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let options = DockerOptions::default();
        let socket = path.to_str().unwrap();
        Self { engine: DockerEngine::connect(socket, "scripted", options).unwrap(), shared, _socket: directory }
    }

    fn calls(&self, word: &str) -> usize {
        let engine = self.shared.lock().unwrap();
        engine.calls.iter().filter(|c| c.contains(word)).count()
    }

    fn body(&self, container: &str) -> Value {
        self.shared.lock().unwrap().containers[container].clone()
    }
}

async fn answer(State(shared): State<Shared>, method: Method, uri: Uri, body: Body) -> Response {
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let mut engine = shared.lock().unwrap();
    engine.calls.push(format!("{method} {uri}"));
    let path = uri.path().trim_start_matches("/v1.41").to_owned();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match (method.as_str(), parts.as_slice()) {
        ("GET", ["info"]) => ok(json!({"DefaultRuntime": "runc", "Architecture": "x86_64"})),
        ("GET", ["images", ..]) => ok(json!({"Id": format!("sha256:{}", "a".repeat(64))})),
        ("POST", ["containers", "create"]) => engine.create(&uri, &body),
        ("POST", ["containers", name, "start"]) => engine.start(name),
        ("POST", ["containers", _, "exec"]) => ok(json!({"Id": "e"})),
        ("GET", ["containers", name, "json"]) => engine.inspect(name),
        ("GET", ["containers", _, "logs"]) => StatusCode::OK.into_response(),
        ("DELETE", ["containers", name]) => {
            engine.containers.remove(*name);
            StatusCode::NO_CONTENT.into_response()
        }
        ("GET", ["volumes", name]) => engine.volume(name),
        ("DELETE", ["volumes", _]) => StatusCode::NO_CONTENT.into_response(),
        _ => refuse(501, &format!("{method} {uri} is not in the script")),
    }
}

fn ok(value: Value) -> Response {
    axum::Json(value).into_response()
}

fn refuse(status: u16, message: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (status, axum::Json(json!({"message": message}))).into_response()
}

impl Engine {
    fn create(&mut self, uri: &Uri, body: &[u8]) -> Response {
        let query = uri.query().unwrap();
        let name = query.rsplit_once("name=").unwrap().1.split('&').next().unwrap();
        if self.containers.contains_key(name) {
            return refuse(409, "in use");
        }
        let mut body: Value = serde_json::from_slice(body).unwrap();
        let mut used: Vec<String> = self.containers.values().flat_map(gpus_of).collect();
        for gpu in gpus_of(&body) {
            if used.contains(&gpu) {
                self.booked_twice.push(gpu.clone());
            }
            used.push(gpu);
        }
        self.most_gpus = self.most_gpus.max(used.len());
        body["state"] = json!({"Status": "created", "StartedAt": "0001-01-01T00:00:00Z"});
        self.containers.insert(name.to_owned(), body);
        let keeper = name.ends_with("-keeper");
        let warnings = if keeper { Vec::new() } else { self.script.warnings.clone() };
        ok(json!({"Id": name, "Warnings": warnings}))
    }

    fn start(&mut self, name: &str) -> Response {
        let state = &mut self.containers.get_mut(name).unwrap()["state"];
        if let (Some((status, error)), false) = (self.script.start, name.ends_with("-keeper")) {
            state["Error"] = error.into();
            return refuse(status, error);
        }
        state["Status"] = "running".into();
        state["StartedAt"] = "2024-07-29T10:00:00Z".into();
        StatusCode::NO_CONTENT.into_response()
    }

    fn inspect(&self, name: &str) -> Response {
        let Some(body) = self.containers.get(name) else {
            return refuse(404, "no such container");
        };
        let keeper = name.ends_with("-keeper");
        let mut host = body["HostConfig"].clone();
        host["MaskedPaths"] = json!(["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"]);
        host["ReadonlyPaths"] = json!(["/proc/sys", "/proc/sysrq-trigger"]);
        let mounts: Vec<Value> = host["Mounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| {
                json!({
                    "Type": m["Type"], "Name": m["Source"], "Source": m["Source"], "Destination": m["Target"],
                    "RW": m["ReadOnly"] != true, "Propagation": "rprivate",
                })
            })
            .collect();
        let mut state = body["state"].clone();
        if let (Some(code), false) = (self.script.ended, keeper) {
            state["Status"] = "exited".into();
            state["ExitCode"] = code.into();
            state["FinishedAt"] = "2024-07-29T10:00:01Z".into();
        }
        let mut seen = json!({
            "Id": name, "Image": body["Image"], "State": state, "HostConfig": host, "Mounts": mounts,
            "Config": body, "ExecIDs": if self.script.restarted { Value::Null } else { json!(["e"]) },
        });
        if let (Some(tamper), false) = (self.script.tamper, keeper) {
            tamper(&mut seen);
        }
        ok(seen)
    }

    fn volume(&self, name: &str) -> Response {
        let mounts = self.containers.values().filter_map(|c| c["HostConfig"]["Mounts"].as_array());
        let mount = mounts.flatten().find(|mount| mount["Source"] == name).unwrap();
        let options = &mount["VolumeOptions"];
        ok(json!({
            "Name": name, "Driver": "local", "Mountpoint": "/x", "Scope": "local",
            "Labels": options["Labels"], "Options": options["DriverConfig"]["Options"],
        }))
    }
}

const JOB: &str = "referee-scripted-job";

#[tokio::test]
async fn a_job_gets_exactly_the_gpus_that_were_reserved_for_it() {
    let scripted = Scripted::new(Script::default()).await;
    let mut job = plain_job("job");
    job.gpus = ["GPU-b", "GPU-a"].map(|gpu| GpuUuid(gpu.to_owned())).to_vec();
    scripted.engine.prepare(&job).await.unwrap();
    scripted.engine.submit(&job).await.unwrap();
    let host = &scripted.body(JOB)["HostConfig"];
    let expected = json!([{
        "Driver": "nvidia",
        "DeviceIDs": ["GPU-b", "GPU-a"],
        "Capabilities": [["gpu", "compute", "utility"]],
    }]);
    assert_eq!(host["DeviceRequests"], expected);
    let keeper = scripted.body("referee-scripted-job-keeper");
    assert_eq!(keeper["HostConfig"]["DeviceRequests"], Value::Null);
    assert_eq!(scripted.calls("job/start"), 1);

    let scripted = Scripted::new(Script::default()).await;
    let job = plain_job("job");
    scripted.engine.prepare(&job).await.unwrap();
    scripted.engine.submit(&job).await.unwrap();
    assert_eq!(scripted.body(JOB)["HostConfig"]["DeviceRequests"], Value::Null);
}

/// Twelve workers share three GPUs, with jobs for one or two of them. The assertions are about the requests to the
/// engine, in their sequence.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_gpu_is_ever_in_two_containers() {
    let scripted = Arc::new(Scripted::new(Script::default()).await);
    let slots = Slots::new(0, ["GPU-a", "GPU-b", "GPU-c"].map(|gpu| GpuUuid(gpu.to_owned())));
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..12_u32 {
        let (scripted, slots) = (Arc::clone(&scripted), slots.clone());
        workers.spawn(async move {
            for round in 0..4 {
                let slot = loop {
                    match slots.take(1 + worker % 2) {
                        Some(slot) => break slot,
                        None => tokio::time::sleep(std::time::Duration::from_millis(1)).await,
                    }
                };
                let mut job = plain_job(&format!("w{worker}-{round}"));
                job.gpus.clone_from(&slot.gpus);
                scripted.engine.prepare(&job).await.unwrap();
                let reference = scripted.engine.submit(&job).await.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                scripted.engine.cleanup(&reference).await.unwrap();
            }
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker.unwrap();
    }
    assert_eq!(scripted.calls("-keeper/start"), 48);
    let engine = scripted.shared.lock().unwrap();
    assert_eq!(engine.booked_twice, Vec::<String>::new());
    assert_eq!(engine.most_gpus, 3, "all of them were in use");
}

#[tokio::test]
async fn nothing_starts_on_an_engine_that_deviates_from_the_request() {
    let tampers: [fn(&mut Value); 3] = [
        |seen| seen["HostConfig"]["NetworkMode"] = "bridge".into(),
        |seen| seen["HostConfig"]["DeviceRequests"] = json!([{"Count": -1}]),
        |seen| seen["Mounts"][0]["RW"] = false.into(),
    ];
    for tamper in tampers {
        let script = Script { tamper: Some(tamper), ..Script::default() };
        let scripted = Scripted::new(script).await;
        let job = plain_job("job");
        scripted.engine.prepare(&job).await.unwrap();
        let refused = scripted.engine.submit(&job).await;
        assert!(matches!(refused, Err(ExecutorError::Unsafe(_))), "{refused:?}");
        assert_eq!(scripted.calls("job/start"), 0);
        let engine = scripted.shared.lock().unwrap();
        assert!(!engine.containers.contains_key(JOB), "no container of the job is left");
    }
}

#[tokio::test]
async fn a_warning_is_an_error() {
    let script = Script { warnings: vec!["Your kernel does not support swap limit capabilities"], ..Script::default() };
    let scripted = Scripted::new(script).await;
    let job = plain_job("job");
    scripted.engine.prepare(&job).await.unwrap();
    let refused = scripted.engine.submit(&job).await;
    assert!(matches!(refused, Err(ExecutorError::Unsafe(_))), "{refused:?}");
    assert_eq!(scripted.calls("job/start"), 0);
}

#[tokio::test]
async fn a_failed_start_is_blamed_on_the_image_or_on_the_platform() {
    let fails = async |error: &'static str| {
        let script = Script { start: Some((500, error)), ..Script::default() };
        let scripted = Scripted::new(script).await;
        let job = plain_job("job");
        scripted.engine.prepare(&job).await.unwrap();
        let submitted = scripted.engine.submit(&job).await;
        match submitted {
            Ok(job) => Ok(scripted.engine.poll(&[job]).await.unwrap().remove(0)),
            Err(error) => Err(error),
        }
    };
    let platform = fails("could not select device driver \"nvidia\" with capabilities: [[gpu]]").await;
    assert!(matches!(platform, Err(ExecutorError::Refused(_))), "{platform:?}");
    let image = fails("runc: mountpoint for /output: not a directory").await;
    let Ok(JobStatus::Ended(end)) = image else {
        panic!("{image:?}");
    };
    assert!(!end.started && end.error.contains("not a directory"));
}

#[tokio::test]
async fn after_a_restart_of_the_engine_the_output_is_lost() {
    let scripted = Scripted::new(Script::default()).await;
    let job = plain_job("job");
    scripted.engine.prepare(&job).await.unwrap();
    let reference = scripted.engine.submit(&job).await.unwrap();
    {
        let mut engine = scripted.shared.lock().unwrap();
        engine.script.restarted = true;
        engine.script.ended = Some(143);
    }
    let status = scripted.engine.poll(std::slice::from_ref(&reference)).await.unwrap();
    let JobStatus::Ended(end) = &status[0] else {
        panic!("{status:?}");
    };
    assert!(end.started && !end.engine_continuous);
    let into = tempfile::tempdir().unwrap();
    let lost = scripted.engine.collect(&reference, &job.output, into.path()).await;
    assert!(matches!(lost, Err(ExecutorError::Refused(_))), "{lost:?}");
    assert_eq!(scripted.calls("/archive"), 0);
    // The job is not prepared again, because it has run.
    let before = scripted.calls("create");
    scripted.engine.prepare(&job).await.unwrap();
    assert_eq!(scripted.calls("create"), before);
}

#[tokio::test]
async fn an_absent_engine_is_unreachable() {
    let options = DockerOptions::default();
    let none = DockerEngine::connect("/no/such/engine.sock", "x", options).unwrap();
    let nothing = none.list_owned().await;
    assert!(matches!(nothing, Err(ExecutorError::Unreachable(_))));
}
