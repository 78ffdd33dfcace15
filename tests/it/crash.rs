//! The daemon is ended at the worst moments, as by a power cut or by its service manager, and
//! started again: work is repeated, never lost, and counts once.

use std::path::Path;
use std::time::Duration;

use referee::model::{AttemptState, Outcome, Stage};

use crate::copy::Copy;
use crate::world::{CLEAN_WITHIN, END_WITHIN, PATIENCE, World, docker, submission};

const BOARD: (&str, &str, &str) = ("nuclei", "validation", "segmentation");
const TEAM: &str = "crash";
const KINDS: [Stage; 5] = [
    Stage::Admission,
    Stage::Build,
    Stage::Smoke,
    Stage::Run,
    Stage::Scoring,
];

/// Where a submission or the scorer takes its time.
#[derive(Clone, Copy)]
struct Slow {
    /// A step of the build.
    build: f64,
    /// The program, on hidden data alone: the sample's first case is `tile_01`.
    run: f64,
    /// The scorer, on hidden data alone.
    score: f64,
}

const NOWHERE: Slow = Slow {
    build: 0.0,
    run: 0.0,
    score: 0.0,
};

/// A daemon with one team, whose submission is slow where it is wanted.
fn world(slow: Slow) -> Option<(World, Copy)> {
    let mut world = World::with_changed("nuclei", |challenge| slow_scorer(challenge, slow.score))?;
    world.add_teams("nuclei", &[TEAM]);
    world.start();
    let copy = world.copy_of("nuclei", TEAM);
    copy.take(&submission("nuclei/baseline-empty"));
    let dockerfile = std::fs::read_to_string(copy.path.join("Dockerfile")).unwrap();
    let (from, rest) = dockerfile.split_once('\n').expect("lines");
    let build = slow.build;
    copy.write("Dockerfile", &format!("{from}\nRUN sleep {build}\n{rest}"));
    let main = std::fs::read_to_string(copy.path.join("main.py")).unwrap();
    copy.write(
        "main.py",
        &format!("{}{main}", sleeping("/input", slow.run)),
    );
    Some((world, copy))
}

/// Python that sleeps where the public sample's cases are not.
fn sleeping(folder: &str, seconds: f64) -> String {
    format!(
        "import os, time\n\
         if 'tile_01.png' not in os.listdir('{folder}'):\n    time.sleep({seconds})\n"
    )
}

fn slow_scorer(challenge: &Path, seconds: f64) {
    let program = challenge.join("scorer/score.py");
    let text = std::fs::read_to_string(&program).unwrap();
    let slow = format!("{}{text}", sleeping("/truth", seconds));
    std::fs::write(&program, slow).unwrap();
}

/// Waits until an attempt of the stage has been under way for a moment.
fn reach(world: &mut World, stage: Stage) {
    world.until("the stage is under way", PATIENCE, |world| {
        let records = world.submissions("nuclei", TEAM);
        let submission = records.first().map(|r| &r.submission);
        submission.is_some_and(|s| s.stage() == stage && s.state.is_working())
    });
    std::thread::sleep(Duration::from_millis(1500));
    let records = world.submissions("nuclei", TEAM);
    assert_eq!(
        records[0].submission.stage(),
        stage,
        "it was too fast to be caught"
    );
}

/// After everything: scored once, spent once, each kind of work done once, and shown.
fn assert_done_once(world: &mut World, copy: &Copy, interrupted: Stage) {
    world.settle(PATIENCE);
    let records = world.submissions("nuclei", TEAM);
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record.submission.outcome(), Some(Outcome::Scored));
    for kind in KINDS {
        let done = world.count(record, kind, AttemptState::Succeeded);
        assert_eq!(done, 1, "{kind:?}: {:?}", world.attempts(record));
        let lost = world.count(record, kind, AttemptState::Lost);
        let expected = usize::from(kind == interrupted);
        assert_eq!(lost, expected, "{kind:?}: {:?}", world.attempts(record));
    }
    assert_eq!(world.spent(record), 1);
    assert_eq!(world.scores(BOARD, TEAM), 1);
    world.until("the engine is clean", CLEAN_WITHIN, |world| {
        world.left_on_engine().is_empty()
    });
    let board = world.get("/api/v1/boards/nuclei/validation/segmentation");
    let rows = board["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 1, "{board}");
    assert_eq!(rows[0]["team"], TEAM);
    assert!(copy.note(&copy.head()).starts_with("Scored"));
}

#[test]
fn killed_during_a_build() {
    // No other build sleeps this long, so what is left of it is recognized.
    let mark = 5.0 + f64::from(std::process::id() % 1000) / 1e4 + 1e-5;
    let Some((mut world, copy)) = world(Slow {
        build: mark,
        ..NOWHERE
    }) else {
        return;
    };
    copy.commit("A slow build");
    copy.push_main();
    reach(&mut world, Stage::Build);
    world.kill9();
    let unnamed = world.unnamed_images();
    assert!(!unnamed.is_empty(), "a step was committed, and left");
    world.start();
    let left = world.unnamed_images();
    assert!(unnamed.iter().all(|id| !left.contains(id)), "{left:?}");
    assert_done_once(&mut world, &copy, Stage::Build);
    let containers = docker(&["ps", "-a", "--no-trunc", "--format", "{{.Command}}"]).unwrap();
    assert!(
        !containers.contains(&format!("sleep {mark}")),
        "{containers}"
    );
}

#[test]
fn killed_during_a_run() {
    let Some((mut world, copy)) = world(Slow {
        run: 6.0,
        ..NOWHERE
    }) else {
        return;
    };
    copy.commit("A slow run");
    copy.push_main();
    reach(&mut world, Stage::Run);
    world.kill9();
    assert_ne!(
        world.left_on_engine().len(),
        0,
        "it runs on without the daemon"
    );
    world.start();
    assert_done_once(&mut world, &copy, Stage::Run);
}

#[test]
fn killed_while_scoring() {
    let Some((mut world, copy)) = world(Slow {
        score: 6.0,
        ..NOWHERE
    }) else {
        return;
    };
    copy.commit("A slow scorer");
    copy.push_main();
    reach(&mut world, Stage::Scoring);
    world.kill9();
    world.start();
    assert_done_once(&mut world, &copy, Stage::Scoring);
}

#[test]
fn asked_to_end_during_a_run() {
    let Some((mut world, copy)) = world(Slow {
        run: 6.0,
        ..NOWHERE
    }) else {
        return;
    };
    copy.commit("A slow run");
    copy.push_main();
    reach(&mut world, Stage::Run);
    assert!(world.stop() < END_WITHIN);
    world.start();
    assert_done_once(&mut world, &copy, Stage::Run);
}
