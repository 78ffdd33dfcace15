//! In a hidden phase nothing outside tells when an evaluation ended: not the page, not the board, not
//! the note. The verdict is told on the phase's grid of time, whatever it is.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use referee::model::{AttemptKind, Outcome};
use serde_json::Value;

use crate::world::{PATIENCE, World, submission};

/// Of the phase, in seconds.
const GRID: i64 = 15;

/// What a page shows of an evaluation: its state, and the gates of run and score without their times.
fn shown(view: &Value) -> (Value, Vec<(Value, Value, Value)>) {
    let gates = view["gates"].as_array().expect("gates");
    let hidden = gates
        .iter()
        .filter(|g| g["name"] == "run" || g["name"] == "score");
    let gate = |g: &Value| (g["name"].clone(), g["state"].clone(), g["says"].clone());
    (view["state"].clone(), hidden.map(gate).collect())
}

#[test]
fn a_verdict_is_told_on_the_grid() {
    let with_grid = World::with_changed("nuclei", |folder| {
        let file = folder.join("challenge.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let changed = text.replace("grid = \"5s\"", &format!("grid = \"{GRID}s\""));
        assert_ne!(text, changed);
        std::fs::write(file, changed).unwrap();
    });
    let Some(mut world) = with_grid else {
        return;
    };
    let teams = [("scores", "baseline-empty"), ("crashes", "hidden-crash")];
    world.add_teams("nuclei", &teams.map(|(team, _)| team));
    world.start();
    for (team, example) in teams {
        let copy = world.copy_of("nuclei", team);
        copy.take(&submission(&format!("nuclei/{example}")));
        copy.commit("a method");
        let token = copy.push_main().token();
        let seen = RefCell::new(Vec::new());
        let sealed = Cell::new(0);
        world.until("a verdict", PATIENCE, |world| {
            let record = world.submissions("nuclei", team).remove(0);
            let view = world.view(&token);
            sealed.set(sealed.get() + i32::from(record.submission.sealed));
            let ended = view["state"]["state"] == "ended";
            if view["state"]["at"] == "run" || view["state"]["at"] == "score" {
                seen.borrow_mut().push(shown(&view));
            }
            if record.submission.sealed && !ended {
                assert_eq!(view["findings"], Value::Array(Vec::new()), "{view:#}");
                assert_eq!(view["score"], Value::Null);
            }
            ended
        });
        assert!(
            sealed.get() > 0,
            "its verdict was never sealed while we looked"
        );
        // Queued, and then one and the same until the end, whichever work was under way.
        let mut seen = seen.into_inner();
        seen.retain(|(state, _)| state["state"] == "working");
        seen.dedup();
        assert_eq!(seen.len(), 1, "{seen:#?}");
        let record = world.submissions("nuclei", team).remove(0);
        let last = world.attempts(&record).pop().unwrap();
        let told = record.submission.ended_at.unwrap();
        let due = last
            .attempt
            .ended_at
            .unwrap()
            .on_grid(referee::model::Duration::seconds(GRID));
        assert!(told >= due, "{told} is before {due}");
        match team {
            "scores" => assert_eq!(
                (record.submission.outcome, last.attempt.kind),
                (Some(Outcome::Scored), AttemptKind::Score)
            ),
            _ => assert_eq!(
                (record.submission.outcome, last.attempt.kind),
                (Some(Outcome::RunFailed), AttemptKind::Run)
            ),
        }
        world.until("the note", Duration::from_secs(30), |_| {
            let note = copy.note(&copy.head());
            note.starts_with(
                record
                    .submission
                    .outcome
                    .unwrap()
                    .says()
                    .trim_end_matches('.'),
            )
        });
    }
}
