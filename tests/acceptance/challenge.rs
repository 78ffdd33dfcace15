//! A challenge whose evaluations take seconds, and its submissions: a program that writes its own score, and a scorer
//! that accepts it.

use std::path::{Path, PathBuf};

use crate::copy::{self, Copy};

const SCORER: &str = r#"
import json, pathlib
rows = []
for mask in sorted(pathlib.Path("/truth").iterdir()):
    score = float(pathlib.Path("/predictions", mask.stem + ".png").read_text())
    rows.append({"case": mask.stem, "ap50": score, "dice": score, "hd95": 10.0 - 10.0 * score})
pathlib.Path("/output/metrics.json").write_text(json.dumps({"results": rows}))
"#;

const PROGRAM: &str = r#"
import os, time
time.sleep(SECONDS)
for name in os.listdir("/input"):
    with open("/output/" + name, "w") as file:
        file.write("SCORE")
"#;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nuclei")
}

/// Writes the challenge of an organization into a folder.
pub(crate) fn write(folder: &Path, organization: &str) {
    copy::files(&example(), folder, &["submissions"]);
    let file = folder.join("challenge.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let lines = "forge = \"local\"\nteams = \"nuclei/team-*\"\n";
    assert!(text.contains(lines), "the example has changed");
    let ours = format!(
        "forge = \"forge\"\nteams = \"{organization}/team-*\"\n\
         organizers = \"{organization}/organizers\"\nleaderboard = \"{organization}/leaderboard\"\n"
    );
    // The predictions are scores, not pictures, so the check of pictures is removed.
    let (before, check) = text.split_once("[[task.check]]").expect("the example's check");
    let (_, after) = check.split_once("\n\n").expect("more after the check");
    let text = format!("{before}{after}").replace(lines, &ours);
    std::fs::write(&file, text).unwrap();
    std::fs::write(folder.join("scorer/score.py"), SCORER).unwrap();
}

/// Commits a submission whose build sleeps and then fails.
pub(crate) fn slow_build(copy: &Copy, seconds: u32) -> String {
    copy.take(&example().join("submissions/baseline-empty"));
    let dockerfile = std::fs::read_to_string(copy.path.join("Dockerfile")).unwrap();
    let user = "USER 65534\n";
    assert!(dockerfile.contains(user), "the example has changed");
    let slow = format!("RUN sleep {seconds} && false\n{user}");
    copy.write("Dockerfile", &dockerfile.replace(user, &slow));
    copy.commit("A slow build")
}

/// Makes images the trigger of the first phase.
pub(crate) fn trigger_by_images(folder: &Path) {
    let file = folder.join("challenge.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let changed = text.replace("on = \"branch:main\"", "on = \"image:method\"");
    assert_ne!(text, changed, "the example has changed");
    std::fs::write(&file, changed).unwrap();
}

/// Replaces the scorer by one that gives the opposite scores.
pub(crate) fn reverse_scorer(folder: &Path) {
    let reversed = SCORER.replace("score = float(", "score = 1.0 - float(");
    assert_ne!(reversed, SCORER);
    std::fs::write(folder.join("scorer/score.py"), reversed).unwrap();
}

/// Commits a submission that admission refuses. The text makes it different from all others.
pub(crate) fn mistaken(copy: &Copy, text: &str) -> String {
    copy.take(&example().join("submissions/five-mistakes"));
    copy.write("different.txt", text);
    copy.commit(text)
}

/// Commits a submission that gets this score. Each run sleeps for some seconds.
pub(crate) fn scoring(copy: &Copy, score: &str, seconds: u32) -> String {
    copy.take(&example().join("submissions/baseline-empty"));
    let program = PROGRAM.replace("SCORE", score).replace("SECONDS", &seconds.to_string());
    copy.write("main.py", &program);
    copy.commit(&format!("Score {score}"))
}
