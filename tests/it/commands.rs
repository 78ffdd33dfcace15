//! Commands beside a running daemon: a rescore with a corrected scorer changes the leaderboard, and a
//! pause stops and resumes evaluations.

use std::path::Path;

use referee::model::{Board, ChallengeSlug, PhaseSlug, Stage, TaskSlug};
use referee::pipeline::commands::rescore_preview::{RescorePreview, preview_rescore};
use referee::pipeline::commands::{CommandRefusal, CommandReply, CommandResult};
use referee::store::RescoreState;
use serde_json::Value;

use crate::copy::Copy;
use crate::world::{PATIENCE, World, submission};

const GOOD: &str = "good";
const EMPTY: &str = "empty";
const LATE: &str = "late";
const API: &str = "/api/v1/boards/nuclei/validation/segmentation";
const BOARD: &str = "validation/segmentation";

fn board() -> Board {
    Board {
        challenge: ChallengeSlug::new("nuclei").unwrap(),
        phase: PhaseSlug::new("validation").unwrap(),
        task: TaskSlug::new("segmentation").unwrap(),
    }
}

/// Pushes an example and waits for its score.
fn scored(world: &mut World, copy: &Copy, example: &str) -> Value {
    copy.take(&submission(example));
    copy.write("different.txt", &format!("{:?}", std::time::Instant::now()));
    copy.commit(example);
    let token = copy.push_main().token();
    let (view, outcome) = world.wait_end(&token);
    assert_eq!(outcome, "scored", "{view}");
    view
}

/// Teams in the order of the leaderboard, each with its rank, and the scoring revision.
fn standings(world: &World) -> (Vec<(String, i64)>, i64) {
    let board = world.get(API);
    let rows = board["rows"].as_array().expect("rows");
    let line = |row: &Value| {
        let team = row["team"].as_str().expect("a team").to_owned();
        (team, row["rank"].as_i64().expect("a rank"))
    };
    let revision = board["revision"].as_i64().expect("a revision");
    (rows.iter().map(line).collect(), revision)
}

fn named(ranks: &[(&str, i64)]) -> Vec<(String, i64)> {
    ranks.iter().map(|(t, r)| ((*t).to_owned(), *r)).collect()
}

/// Reverses the scorer, so that good predictions get bad values, and makes it slow on hidden data.
fn reverse_scorer(challenge: &Path) {
    let program = challenge.join("scorer/score.py");
    let text = std::fs::read_to_string(&program).unwrap();
    let values = "values = ap50(iou), dice(iou, pair_dice), hd95(";
    assert!(text.contains(values));
    let reversed = "values = 1 - ap50(iou), 1 - dice(iou, pair_dice), 181.02 - hd95(";
    let text = text.replace(values, reversed);
    let slow = "import os, time\nif 'tile_01.png' not in os.listdir('/truth/'):\n    time.sleep(2)\n";
    std::fs::write(&program, format!("{slow}{text}")).unwrap();
}

fn preview(world: &World) -> CommandResult<RescorePreview> {
    world.beside_daemon(async |context| preview_rescore(&context, &board()).await)
}

fn until_ready(world: &mut World) -> RescorePreview {
    world.until("the rescore is ready", PATIENCE, |world| {
        let seen = preview(world).unwrap();
        assert_ne!(seen.state, RescoreState::Failed, "{:?}", seen.problem);
        seen.state == RescoreState::Ready
    });
    preview(world).unwrap()
}

/// The text of a reply.
fn reply(reply: CommandResult<CommandReply>) -> String {
    match reply.unwrap() {
        CommandReply::Now(text) => text,
        CommandReply::Later => panic!("the reply follows later"),
    }
}

/// Starts a rescore, previews its changes and discards it.
fn previewed_and_discarded(world: &mut World, ranks: &[(String, i64)], revision: i64) {
    let started = world.command(&["rescore", BOARD]);
    assert_eq!(started.unwrap(), CommandReply::Later);
    let seen = until_ready(world);
    assert_eq!(seen.all, 3);
    let moves: Vec<_> = seen.changes.iter().map(|c| (c.team.as_str(), c.rank_before, c.rank_after)).collect();
    assert_eq!(moves, [(EMPTY, Some(2), Some(1)), (LATE, Some(2), Some(1)), (GOOD, Some(1), Some(3)),]);
    let unchanged = (ranks.to_vec(), revision);
    assert_eq!(standings(world), unchanged, "a preview changes nothing");
    world.command(&["discard"]).unwrap();
    assert_eq!(standings(world), unchanged, "discarded");
}

/// Rescores across a kill of the daemon, and applies the rescore. Returns the new scoring revision.
fn applied_after_a_kill(world: &mut World, ranks: &[(String, i64)], revision: i64) -> i64 {
    let runs = |world: &World| -> usize {
        let all = [GOOD, EMPTY, LATE].map(|t| world.submissions("nuclei", t));
        let records = all.iter().flatten();
        records.map(|r| world.attempts(r).len()).sum()
    };
    let attempts = runs(world);
    world.command(&["rescore", BOARD]).unwrap();
    world.until("one of three is scored", PATIENCE, |world| preview(world).unwrap().done == 1);
    world.kill9();
    world.start();
    let seen = until_ready(world);
    assert_eq!((seen.done, seen.all), (3, 3));
    assert_eq!(standings(world), (ranks.to_vec(), revision));
    let applied = reply(world.command(&["apply"]));
    assert_eq!(runs(world), attempts, "no container of a team ran again");
    let (ranks, after) = standings(world);
    assert_eq!(ranks, named(&[(EMPTY, 1), (LATE, 1), (GOOD, 3)]));
    let expected = format!("shows scoring revision {after} instead of {revision}.");
    assert!(applied.contains(&expected), "{applied}");
    world.settle(PATIENCE);
    after
}

#[test]
fn a_rescore_with_a_corrected_scorer_changes_the_leaderboard() {
    let Some(mut world) = World::with_changed("nuclei", |_| {}) else {
        return;
    };
    world.add_teams("nuclei", &[GOOD, EMPTY, LATE]);
    world.start();
    let [good, empty, late] = [GOOD, EMPTY, LATE].map(|team| world.copy_of("nuclei", team));
    scored(&mut world, &good, "nuclei/good-otsu");
    scored(&mut world, &empty, "nuclei/baseline-empty");
    let (ranks, before) = standings(&world);
    assert_eq!(ranks, named(&[(GOOD, 1), (EMPTY, 2)]));
    let refused = world.command(&["apply"]);
    assert!(matches!(refused, Err(CommandRefusal::NoOpenRescore)), "{refused:?}");

    // The scorer changes on the disk. The leaderboard does not, also not for a new submission.
    reverse_scorer(&world.path("challenge"));
    scored(&mut world, &late, "nuclei/baseline-empty");
    let as_was = named(&[(GOOD, 1), (EMPTY, 2), (LATE, 2)]);
    assert_eq!(standings(&world), (as_was.clone(), before));

    previewed_and_discarded(&mut world, &as_was, before);
    let after = applied_after_a_kill(&mut world, &as_was, before);
    let note = good.note(&good.head());
    assert!(note.contains("rank 3 of 3"), "the report has the new rank: {note}");

    // A new submission is scored by the new scorer.
    scored(&mut world, &late, "nuclei/good-otsu");
    let (ranks, revision) = standings(&world);
    assert_eq!(revision, after);
    assert_eq!(ranks, named(&[(EMPTY, 1), (LATE, 1), (GOOD, 3)]), "its best counts");
    let audit = world.audit();
    let rescores: Vec<&str> = audit.iter().map(|e| e.action.as_str()).filter(|a| a.starts_with("rescore")).collect();
    assert_eq!(rescores, ["rescore", "rescore discard", "rescore", "rescore apply"]);
    world.settle(PATIENCE);
}

#[test]
fn a_paused_leaderboard_starts_no_evaluation_and_a_closed_phase_rejects_pushes() {
    let Some(mut world) = World::with_example("nuclei") else {
        return;
    };
    world.add_teams("nuclei", &[EMPTY]);
    world.start();
    let copy = world.copy_of("nuclei", EMPTY);
    world.command(&["pause", BOARD, "a disk is full"]).unwrap();
    copy.take(&submission("nuclei/baseline-empty"));
    copy.commit("Into a pause");
    let token = copy.push_main().token();
    world.until("it is queued", PATIENCE, |world| {
        let records = world.submissions("nuclei", EMPTY);
        records.iter().any(|r| r.submission.stage() == Stage::Run)
    });
    std::thread::sleep(std::time::Duration::from_secs(2));
    let view = world.view(&token);
    assert_eq!(view["state"]["state"], "waiting", "{view}");
    assert_eq!(view["queue"]["paused"], true, "{view}");
    let message = "Evaluations of this leaderboard are paused: a disk is full.";
    assert_eq!(view["notices"][0], message);
    assert_eq!(world.get(API)["paused"], true);
    let twice = world.command(&["pause", BOARD]);
    assert!(matches!(twice, Err(CommandRefusal::NothingToDo(_))));
    world.command(&["resume", BOARD]).unwrap();
    let (_, outcome) = world.wait_end(&token);
    assert_eq!(outcome, "scored");

    world.command(&["phase", "close", "validation"]).unwrap();
    copy.write("different.txt", "too late");
    copy.commit("Too late");
    let late = copy.push_main().token();
    let (view, outcome) = world.wait_end(&late);
    assert_eq!(outcome, "rejected");
    assert_eq!(view["findings"][0]["code"], "PHS001");
    // The phase is open until its time in challenge.toml again, so the rejected push is in time now.
    world.command(&["phase", "open", "validation"]).unwrap();
    let number = view["number"].as_i64().unwrap().to_string();
    let again = reply(world.command(&["rerun", &number]));
    assert!(again.contains("(outcome: rejected)"), "{again}");
    let (view, outcome) = world.wait_end(&late);
    assert_eq!(outcome, "scored", "{view}");
    assert_eq!(view["findings"].as_array().map_or(0, Vec::len), 0, "{view}");
    world.settle(PATIENCE);
}
