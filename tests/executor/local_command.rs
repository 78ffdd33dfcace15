//! The command for a person runs the same container as a job, except for the differences that its module names.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use referee::executor::{LocalRun, local_run_command};
use serde_json::Value;

use crate::bench::Bench;

/// The output of a shell script in a folder.
fn shell(folder: &Path, script: &str) -> String {
    let output = Command::new("sh").args(["-e", "-c", script]).current_dir(folder).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{message}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn inspect(id: &str) -> Value {
    let output = shell(Path::new("/"), &format!("docker inspect {id}"));
    let mut all: Vec<Value> = serde_json::from_str(&output).unwrap();
    all.remove(0)
}

fn ulimits(container: &Value) -> BTreeSet<String> {
    let all = container["HostConfig"]["Ulimits"].as_array().unwrap();
    all.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_for_a_persons_machine_makes_the_same_sandbox() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let job = bench.job("local", "exec sleep 60").await;
    let reference = bench.submit(&job).await;
    let image = job.image.to_string();
    let run = LocalRun { image: &image, output: "$PWD/out", gpus: 0 };
    let command = local_run_command(&job, run);
    let create = command.replacen("docker run --rm", "docker create", 1);
    assert_ne!(create, command);
    let folder = tempfile::tempdir().unwrap();
    let id = shell(folder.path(), &format!("install -d -m 777 out\n{create}"));
    let (mine, theirs) = (inspect(&reference.id), inspect(&id));
    shell(folder.path(), &format!("docker rm {id}"));
    for key in [
        "NetworkMode",
        "CapDrop",
        "CapAdd",
        "Privileged",
        "ReadonlyRootfs",
        "IpcMode",
        "Memory",
        "MemorySwap",
        "NanoCpus",
        "PidsLimit",
        "ShmSize",
        "Tmpfs",
        "Init",
        "PublishAllPorts",
    ] {
        let (mine, theirs) = (&mine["HostConfig"][key], &theirs["HostConfig"][key]);
        assert_eq!(mine, theirs, "{key}");
    }
    for key in ["User", "Hostname", "Healthcheck", "WorkingDir", "Entrypoint", "Cmd"] {
        assert_eq!(mine["Config"][key], theirs["Config"][key], "{key}");
    }
    assert_eq!(ulimits(&mine), ulimits(&theirs));
    let options = theirs["HostConfig"]["SecurityOpt"].to_string();
    assert!(options.contains("no-new-privileges"), "{options}");
    let writable = |container: &Value| -> Vec<(Value, Value)> {
        let mounts = container["Mounts"].as_array().unwrap().iter();
        let mut all: Vec<_> = mounts.map(|m| (m["Destination"].clone(), m["RW"].clone())).collect();
        all.sort_by_key(|(target, _)| target.to_string());
        all
    };
    assert_eq!(writable(&mine), writable(&theirs));
}
