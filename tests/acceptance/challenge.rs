//! A challenge that is over in seconds, and what teams submit to it: a program that writes its own
//! worth, and a scorer that believes it.

use std::path::{Path, PathBuf};

use crate::copy::{self, Copy};

const SCORER: &str = r#"
import json, pathlib
rows = []
for truth in sorted(pathlib.Path("/truth").iterdir()):
    worth = float(pathlib.Path("/predictions", truth.stem + ".png").read_text())
    rows.append({"case": truth.stem, "ap50": worth, "dice": worth, "hd95": 10.0 - 10.0 * worth})
pathlib.Path("/output/metrics.json").write_text(json.dumps({"results": rows}))
"#;

const PROGRAM: &str = r#"
import os, time
time.sleep(SECONDS)
for name in os.listdir("/input"):
    with open("/output/" + name, "w") as file:
        file.write("WORTH")
"#;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nuclei")
}

/// Writes the challenge of an organization into a folder.
pub fn write(folder: &Path, organization: &str) {
    copy::files(&example(), folder, &["submissions"]);
    let file = folder.join("challenge.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let lines = "forge = \"local\"\nteams = \"nuclei/team-*\"\n";
    assert!(text.contains(lines), "the example has changed");
    let ours = format!(
        "forge = \"forge\"\nteams = \"{organization}/team-*\"\n\
         organizers = \"{organization}/organizers\"\nleaderboard = \"{organization}/leaderboard\"\n"
    );
    // What is handed in here is no picture, but what it is worth.
    let (before, check) = text
        .split_once("[[task.check]]")
        .expect("the example's check");
    let (_, after) = check.split_once("\n\n").expect("more behind the check");
    let text = format!("{before}{after}").replace(lines, &ours);
    std::fs::write(&file, text).unwrap();
    std::fs::write(folder.join("scorer/score.py"), SCORER).unwrap();
}

/// Commits something whose build takes seconds, and fails.
pub fn slow_build(copy: &Copy, seconds: u32) -> String {
    copy.take(&example().join("submissions/baseline-empty"));
    let dockerfile = std::fs::read_to_string(copy.path.join("Dockerfile")).unwrap();
    let user = "USER 65534\n";
    assert!(dockerfile.contains(user), "the example has changed");
    let slow = format!("RUN sleep {seconds} && false\n{user}");
    copy.write("Dockerfile", &dockerfile.replace(user, &slow));
    copy.commit("Takes its time")
}

/// From now on the first phase is triggered by images.
pub fn take_images(folder: &Path) {
    let file = folder.join("challenge.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let changed = text.replace("on = \"branch:main\"", "on = \"image:method\"");
    assert_ne!(text, changed, "the example has changed");
    std::fs::write(&file, changed).unwrap();
}

/// Turns the scorer around: what was good is bad.
pub fn turn_around(folder: &Path) {
    let turned = SCORER.replace("worth = float(", "worth = 1.0 - float(");
    assert_ne!(turned, SCORER);
    std::fs::write(folder.join("scorer/score.py"), turned).unwrap();
}

/// Commits a submission that the rules refuse, different from all others by this text.
pub fn mistaken(copy: &Copy, text: &str) -> String {
    copy.take(&example().join("submissions/five-mistakes"));
    copy.write("different.txt", text);
    copy.commit(text)
}

/// Commits a submission that is scored with this worth, after some seconds of work in each run.
pub fn worth(copy: &Copy, worth: &str, seconds: u32) -> String {
    copy.take(&example().join("submissions/baseline-empty"));
    let program = PROGRAM
        .replace("WORTH", worth)
        .replace("SECONDS", &seconds.to_string());
    copy.write("main.py", &program);
    copy.commit(&format!("Worth {worth}"))
}
