//! A task with a contract per case: a container runs once for each case and sees only that case. After a crash, Referee
//! does not repeat the finished cases.

use std::collections::BTreeSet;
use std::path::Path;

use referee::model::{AttemptState, Outcome, Stage};

use crate::copy::Copy;
use crate::world::{PATIENCE, World, submission};

const TEAM: &str = "cases";

/// A program that asserts that it sees one input, and copies it to the output. It sleeps on hidden data, so that a test
/// can interrupt it.
const MAIN: &str = r#"
import os, shutil, time
seen = os.listdir("/input")
assert len(seen) == 1, seen
if "tile_0" in seen[0] and seen[0] not in ("tile_01.png", "tile_02.png", "tile_03.png", "tile_04.png"):
    time.sleep(2)
shutil.copy("/input/" + seen[0], "/output/" + seen[0])
"#;

/// A scorer that gives 1 to each case whose folder holds exactly its own file.
const SCORE: &str = r#"
import json, pathlib
rows = []
for mask in sorted(pathlib.Path("/truth").iterdir()):
    case = mask.stem
    files = sorted(p.name for p in pathlib.Path("/predictions", case).iterdir())
    ap50 = 1.0 if files == [case + ".png"] else 0.0
    rows.append({"case": case, "ap50": ap50, "dice": 0.5, "hd95": 1.0})
pathlib.Path("/output/metrics.json").write_text(json.dumps({"results": rows}))
"#;

fn per_case(challenge: &Path) {
    let file = challenge.join("challenge.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("mode = \"whole-set\""));
    let text = text.replace("mode = \"whole-set\"", "mode = \"per-case\"");
    std::fs::write(&file, text).unwrap();
    std::fs::write(challenge.join("scorer/score.py"), SCORE).unwrap();
}

fn pushed() -> Option<(World, Copy)> {
    let mut world = World::with_changed("nuclei", per_case)?;
    world.add_teams("nuclei", &[TEAM]);
    world.start();
    let copy = world.copy_of("nuclei", TEAM);
    copy.take(&submission("nuclei/baseline-empty"));
    copy.write("main.py", MAIN);
    copy.commit("One case at a time");
    copy.push_main();
    Some((world, copy))
}

/// The cases with a successful run, in the order of their runs.
fn done(world: &World) -> Vec<String> {
    let records = world.submissions("nuclei", TEAM);
    let Some(record) = records.first() else {
        return Vec::new();
    };
    world
        .attempts(record)
        .iter()
        .filter(|a| a.attempt.stage == Stage::Run)
        .filter(|a| a.attempt.state == AttemptState::Succeeded)
        .filter_map(|a| Some(a.attempt.case.as_ref()?.to_string()))
        .collect()
}

#[test]
fn each_case_runs_once_and_alone_even_after_a_crash() {
    let Some((mut world, _copy)) = pushed() else {
        return;
    };
    world.until("two cases are done", PATIENCE, |world| done(world).len() >= 2);
    let before = done(&world);
    world.kill9();
    world.start();
    world.settle(PATIENCE);

    let records = world.submissions("nuclei", TEAM);
    assert_eq!(records[0].submission.outcome(), Some(Outcome::Scored));
    let after = done(&world);
    let distinct: BTreeSet<&String> = after.iter().collect();
    assert_eq!(after.len(), 4, "each hidden case once: {after:?}");
    assert_eq!(distinct.len(), 4, "{after:?}");
    assert!(after.starts_with(&before), "{before:?} then {after:?}");
    assert_eq!(world.spent(&records[0]), 1, "the evaluation counts once, not once per case");
    let board = world.get("/api/v1/boards/nuclei/validation/segmentation");
    let value = &board["rows"][0]["values"][0]["value"];
    assert_eq!(value.as_f64(), Some(1.0), "{board}");
}
