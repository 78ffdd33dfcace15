//! Orders beside a running daemon: a scorer is corrected and the board turns by order alone; a board
//! is paused and goes on.

use std::path::Path;

use referee::model::{Board, ChallengeSlug, Outcome, PhaseSlug, Stage, TaskSlug};
use referee::pipeline::orders::{self, Reach, Refusal, rescore};
use referee::store::RescoreState;
use serde_json::Value;

use crate::copy::Copy;
use crate::world::{PATIENCE, World, submission};

const GOOD: &str = "good";
const EMPTY: &str = "empty";
const LATE: &str = "late";
const API: &str = "/api/v1/boards/nuclei/validation/segmentation";

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

/// Teams in the order of the board, each with its rank, and the revision.
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

/// A scorer to which good is bad, and which takes its time on hidden data.
fn turn_around(challenge: &Path) {
    let program = challenge.join("scorer/score.py");
    let text = std::fs::read_to_string(&program).unwrap();
    let values = "values = ap50(iou), dice(iou, pair_dice), hd95(truth > 0, predicted != 0)";
    assert!(text.contains(values));
    let text = text.replace(
        values,
        "values = 1 - ap50(iou), 1 - dice(iou, pair_dice), 181.02 - hd95(truth > 0, predicted != 0)",
    );
    let slow =
        "import os, time\nif 'tile_01.png' not in os.listdir('/truth'):\n    time.sleep(2)\n";
    std::fs::write(&program, format!("{slow}{text}")).unwrap();
}

fn preview(world: &World) -> Result<rescore::Preview, Refusal> {
    world.order(async |desk| rescore::preview(&desk, &board()).await)
}

fn until_ready(world: &mut World) -> rescore::Preview {
    world.until("the rescore is ready", PATIENCE, |world| {
        let seen = preview(world).unwrap();
        assert_ne!(seen.state, RescoreState::Failed, "{:?}", seen.problem);
        seen.state == RescoreState::Ready
    });
    preview(world).unwrap()
}

/// What the board must still be: teams with their ranks, and the revision.
type AsWas<'a> = (&'a [(String, i64)], i64);

fn looked_at_and_given_up(world: &mut World, (as_was, before): AsWas<'_>) {
    let begun = world.order(async |desk| rescore::rescore(&desk, &board()).await);
    assert_eq!(begun.unwrap().scores, 3);
    let seen = until_ready(world);
    let moves: Vec<_> = seen
        .changes
        .iter()
        .map(|c| (c.team.as_str(), c.rank_before, c.rank_after))
        .collect();
    assert_eq!(
        moves,
        [
            (EMPTY, Some(2), Some(1)),
            (LATE, Some(2), Some(1)),
            (GOOD, Some(1), Some(3)),
        ]
    );
    assert_eq!(
        standings(world),
        (as_was.to_vec(), before),
        "only looked at"
    );
    world
        .order(async |desk| rescore::discard(&desk, &board()).await)
        .unwrap();
    assert_eq!(standings(world), (as_was.to_vec(), before), "given up");
}

/// Rescored across a kill of the daemon, and applied; the new revision.
fn applied_after_a_power_cut(world: &mut World, (as_was, before): AsWas<'_>) -> i64 {
    let runs = |world: &World| -> usize {
        let all = [GOOD, EMPTY, LATE].map(|t| world.submissions("nuclei", t));
        let records = all.iter().flatten();
        records.map(|r| world.attempts(r).len()).sum()
    };
    let attempts = runs(world);
    world
        .order(async |desk| rescore::rescore(&desk, &board()).await)
        .unwrap();
    world.until("one of three is scored", PATIENCE, |world| {
        preview(world).unwrap().done == 1
    });
    world.kill9();
    world.start();
    let seen = until_ready(world);
    assert_eq!((seen.done, seen.all), (3, 3));
    assert_eq!(standings(world), (as_was.to_vec(), before));
    let turned = world.order(async |desk| rescore::apply(&desk, &board()).await);
    let turned = turned.unwrap();
    assert_eq!(turned.before, before);
    assert_eq!(runs(world), attempts, "nothing of a team ran again");
    let (ranks, after) = standings(world);
    assert_eq!(ranks, named(&[(EMPTY, 1), (LATE, 1), (GOOD, 3)]));
    assert_eq!(after, turned.after);
    world.settle(PATIENCE);
    after
}

#[test]
fn a_corrected_scorer_turns_the_board_by_order_alone() {
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
    let nothing = world.order(async |desk| rescore::apply(&desk, &board()).await);
    assert!(
        matches!(nothing, Err(Refusal::NoRescore { .. })),
        "{nothing:?}"
    );

    // The folder is changed. Nothing moves, also for a submission that comes now.
    turn_around(&world.path("challenge"));
    scored(&mut world, &late, "nuclei/baseline-empty");
    let as_was = named(&[(GOOD, 1), (EMPTY, 2), (LATE, 2)]);
    assert_eq!(standings(&world), (as_was.clone(), before));

    looked_at_and_given_up(&mut world, (&as_was, before));
    let after = applied_after_a_power_cut(&mut world, (&as_was, before));
    let note = good.note(&good.head());
    assert!(
        note.contains("rank 3 of 3"),
        "the report says it, too: {note}"
    );

    // Whoever comes now is scored by the new scorer.
    scored(&mut world, &late, "nuclei/good-otsu");
    let (ranks, revision) = standings(&world);
    assert_eq!(revision, after);
    assert_eq!(
        ranks,
        named(&[(EMPTY, 1), (LATE, 1), (GOOD, 3)]),
        "its best counts"
    );
    let audit = world.audit();
    let rescores: Vec<&str> = audit
        .iter()
        .map(|e| e.action.as_str())
        .filter(|a| a.starts_with("rescore"))
        .collect();
    assert_eq!(
        rescores,
        ["rescore", "rescore discard", "rescore", "rescore apply"]
    );
    world.settle(PATIENCE);
}

#[test]
fn a_paused_board_starts_nothing_and_a_closed_phase_takes_nothing() {
    let Some(mut world) = World::with_example("nuclei") else {
        return;
    };
    world.add_teams("nuclei", &[EMPTY]);
    world.start();
    let copy = world.copy_of("nuclei", EMPTY);
    let here = Reach::of(&board());
    world
        .order(async |desk| orders::boards::pause(&desk, &here, "a disk is full").await)
        .unwrap();
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
    let twice = world.order(async |desk| orders::boards::pause(&desk, &here, "").await);
    assert!(matches!(twice, Err(Refusal::Already(_))));
    world
        .order(async |desk| orders::boards::resume(&desk, &here).await)
        .unwrap();
    let (_, outcome) = world.wait_end(&token);
    assert_eq!(outcome, "scored");

    let phase = board().phase;
    world
        .order(async |desk| orders::phases::close(&desk, &phase).await)
        .unwrap();
    copy.write("different.txt", "too late");
    copy.commit("Too late");
    let late = copy.push_main().token();
    let (view, outcome) = world.wait_end(&late);
    assert_eq!(outcome, "rejected");
    assert_eq!(view["findings"][0]["code"], "PHS001");
    // Opened again, the phase lasts as its file says, and what came in between was in time.
    world
        .order(async |desk| orders::phases::open(&desk, &phase).await)
        .unwrap();
    let number = view["number"].as_i64().unwrap();
    let again = world.order(async |desk| {
        orders::submissions::rerun(&desk, number, (None, "the phase is open again")).await
    });
    assert_eq!(again.unwrap().from, Outcome::Rejected);
    let (view, outcome) = world.wait_end(&late);
    assert_eq!(outcome, "scored", "{view}");
    assert_eq!(view["findings"].as_array().map_or(0, Vec::len), 0, "{view}");
    world.settle(PATIENCE);
}
