//! The daemon ends in the middle of its work, as by a power cut or by its service manager, and starts again. It repeats
//! work, it loses none, and each evaluation counts once.

use std::path::Path;
use std::time::Duration;

use referee::model::{AttemptState, Board, ChallengeSlug, Outcome, PhaseSlug, Stage, TaskSlug};

use crate::copy::Copy;
use crate::world::{CLEAN_WITHIN, END_WITHIN, PATIENCE, World, docker, submission};

const TEAM: &str = "crash";
const STAGES: [Stage; 5] = [Stage::Admission, Stage::Build, Stage::Smoke, Stage::Run, Stage::Scoring];

/// How many seconds a submission or the scorer sleeps.
#[derive(Clone, Copy, Default)]
struct Sleeps {
    /// In a step of the build.
    build: f64,
    /// In the program, on hidden data only: the first case of the sample is `tile_01`.
    run: f64,
    /// In the scorer, on hidden data only.
    score: f64,
}

fn board() -> Board {
    Board {
        challenge: ChallengeSlug::new("nuclei").unwrap(),
        phase: PhaseSlug::new("validation").unwrap(),
        task: TaskSlug::new("segmentation").unwrap(),
    }
}

/// A daemon with one team, and the team's working copy of a slow submission.
fn world(sleeps: Sleeps) -> Option<(World, Copy)> {
    let mut world = World::with_changed("nuclei", |challenge| slow_scorer(challenge, sleeps.score))?;
    world.add_teams("nuclei", &[TEAM]);
    world.start();
    let copy = world.copy_of("nuclei", TEAM);
    copy.take(&submission("nuclei/baseline-empty"));
    let dockerfile = std::fs::read_to_string(copy.path.join("Dockerfile")).unwrap();
    let (from, rest) = dockerfile.split_once('\n').expect("lines");
    let build = sleeps.build;
    copy.write("Dockerfile", &format!("{from}\nRUN sleep {build}\n{rest}"));
    let main = std::fs::read_to_string(copy.path.join("main.py")).unwrap();
    copy.write("main.py", &format!("{}{main}", sleep_on_hidden_data("/input", sleeps.run)));
    Some((world, copy))
}

/// Python code that sleeps unless the folder holds the public sample.
fn sleep_on_hidden_data(folder: &str, seconds: f64) -> String {
    format!(
        "import os, time\n\
         if 'tile_01.png' not in os.listdir('{folder}'):\n    time.sleep({seconds})\n"
    )
}

fn slow_scorer(challenge: &Path, seconds: f64) {
    let program = challenge.join("scorer/score.py");
    let text = std::fs::read_to_string(&program).unwrap();
    let slow = format!("{}{text}", sleep_on_hidden_data("/truth", seconds));
    std::fs::write(&program, slow).unwrap();
}

/// Waits until an attempt of the stage has run for 1.5 seconds.
fn wait_for_stage(world: &mut World, stage: Stage) {
    world.until("the stage runs", PATIENCE, |world| {
        let records = world.submissions("nuclei", TEAM);
        let submission = records.first().map(|r| &r.submission);
        submission.is_some_and(|s| s.stage() == stage && s.state.is_working())
    });
    std::thread::sleep(Duration::from_millis(1500));
    let records = world.submissions("nuclei", TEAM);
    assert_eq!(records[0].submission.stage(), stage, "the stage ended too fast");
}

/// Asserts that the submission has one score, one spent evaluation, one success of each stage, and a published result.
fn assert_done_once(world: &mut World, copy: &Copy, interrupted: Stage) {
    world.settle(PATIENCE);
    let records = world.submissions("nuclei", TEAM);
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record.submission.outcome(), Some(Outcome::Scored));
    for stage in STAGES {
        let done = world.count(record, stage, AttemptState::Succeeded);
        assert_eq!(done, 1, "{stage:?}: {:?}", world.attempts(record));
        let lost = world.count(record, stage, AttemptState::Lost);
        let expected = usize::from(stage == interrupted);
        assert_eq!(lost, expected, "{stage:?}: {:?}", world.attempts(record));
    }
    assert_eq!(world.spent(record), 1);
    assert_eq!(world.scores(&board(), TEAM), 1);
    world.until("the engine is clean", CLEAN_WITHIN, |world| world.left_on_engine().is_empty());
    let board = world.get("/api/v1/boards/nuclei/validation/segmentation");
    let rows = board["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 1, "{board}");
    assert_eq!(rows[0]["team"], TEAM);
    assert!(copy.note(&copy.head()).starts_with("Scored"));
}

#[test]
fn a_daemon_killed_during_a_build_repeats_the_build() {
    // No other build sleeps for exactly this time, so that its containers can be recognized.
    let seconds = 5.0 + f64::from(std::process::id() % 1000) / 1e4 + 1e-5;
    let Some((mut world, copy)) = world(Sleeps { build: seconds, ..Sleeps::default() }) else {
        return;
    };
    copy.commit("A slow build");
    copy.push_main();
    wait_for_stage(&mut world, Stage::Build);
    world.kill9();
    let unnamed = world.unnamed_images();
    assert!(!unnamed.is_empty(), "the first step left no image");
    world.start();
    let left = world.unnamed_images();
    assert!(unnamed.iter().all(|id| !left.contains(id)), "{left:?}");
    assert_done_once(&mut world, &copy, Stage::Build);
    let containers = docker(&["ps", "-a", "--no-trunc", "--format", "{{.Command}}"]).unwrap();
    assert!(!containers.contains(&format!("sleep {seconds}")), "{containers}");
}

#[test]
fn a_daemon_killed_during_a_run_repeats_the_run() {
    let Some((mut world, copy)) = world(Sleeps { run: 6.0, ..Sleeps::default() }) else {
        return;
    };
    copy.commit("A slow run");
    copy.push_main();
    wait_for_stage(&mut world, Stage::Run);
    world.kill9();
    assert_ne!(world.left_on_engine().len(), 0, "the container ended with the daemon");
    world.start();
    assert_done_once(&mut world, &copy, Stage::Run);
}

#[test]
fn a_daemon_killed_while_scoring_scores_again() {
    let Some((mut world, copy)) = world(Sleeps { score: 6.0, ..Sleeps::default() }) else {
        return;
    };
    copy.commit("A slow scorer");
    copy.push_main();
    wait_for_stage(&mut world, Stage::Scoring);
    world.kill9();
    world.start();
    assert_done_once(&mut world, &copy, Stage::Scoring);
}

#[test]
fn a_daemon_that_is_asked_to_end_during_a_run_repeats_the_run() {
    let Some((mut world, copy)) = world(Sleeps { run: 6.0, ..Sleeps::default() }) else {
        return;
    };
    copy.commit("A slow run");
    copy.push_main();
    wait_for_stage(&mut world, Stage::Run);
    assert!(world.stop() < END_WITHIN);
    world.start();
    assert_done_once(&mut world, &copy, Stage::Run);
}
