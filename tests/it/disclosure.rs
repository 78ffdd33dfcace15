//! In a hidden phase nothing outside tells when an evaluation ended: not the page, not the board, not
//! the note. The verdict is told on the phase's grid of time, whatever it is.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use referee::model::{Outcome, Stage, Submission, SubmissionState};
use serde_json::Value;

use crate::world::{PATIENCE, World, submission};

/// Of the phase, in seconds.
const DISCLOSURE_INTERVAL: i64 = 15;

fn is_undisclosed(submission: &Submission) -> bool {
    matches!(submission.state, SubmissionState::Undisclosed { .. })
}

/// What a page shows of an evaluation: its state, and the gates of run and score without their times.
fn shown(view: &Value) -> (Value, Vec<(Value, Value, Value)>) {
    let stages = view["stages"].as_array().expect("stages");
    let hidden = stages
        .iter()
        .filter(|g| g["name"] == "run" || g["name"] == "scoring");
    let stage = |g: &Value| (g["name"].clone(), g["state"].clone(), g["message"].clone());
    (view["state"].clone(), hidden.map(stage).collect())
}

#[test]
fn a_verdict_is_told_on_the_grid() {
    let with_disclosure_interval = World::with_changed("nuclei", |folder| {
        let file = folder.join("challenge.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let changed = text.replace(
            "disclosure-interval = \"5s\"",
            &format!("disclosure-interval = \"{DISCLOSURE_INTERVAL}s\""),
        );
        assert_ne!(text, changed);
        std::fs::write(file, changed).unwrap();
    });
    let Some(mut world) = with_disclosure_interval else {
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
        let undisclosed = Cell::new(0);
        world.until("a verdict", PATIENCE, |world| {
            let record = world.submissions("nuclei", team).remove(0);
            let view = world.view(&token);
            undisclosed.set(undisclosed.get() + i32::from(is_undisclosed(&record.submission)));
            let ended = view["state"]["state"] == "ended";
            if view["state"]["at"] == "run" || view["state"]["at"] == "scoring" {
                seen.borrow_mut().push(shown(&view));
            }
            if is_undisclosed(&record.submission) && !ended {
                assert_eq!(view["findings"], Value::Array(Vec::new()), "{view:#}");
                assert_eq!(view["score"], Value::Null);
            }
            ended
        });
        assert!(
            undisclosed.get() > 0,
            "its verdict was never sealed while we looked"
        );
        // Queued, and then one and the same until the end, whichever work was under way.
        let mut seen = seen.into_inner();
        seen.retain(|(state, _)| state["state"] == "working");
        seen.dedup();
        assert_eq!(seen.len(), 1, "{seen:#?}");
        let record = world.submissions("nuclei", team).remove(0);
        let last = world.attempts(&record).pop().unwrap();
        let told = record.submission.state.ended_at().unwrap();
        let due = last
            .attempt
            .ended_at
            .unwrap()
            .round_up(referee::model::Duration::seconds(DISCLOSURE_INTERVAL));
        assert!(told >= due, "{told} is before {due}");
        match team {
            "scores" => assert_eq!(
                (record.submission.outcome(), last.attempt.stage),
                (Some(Outcome::Scored), Stage::Scoring)
            ),
            _ => assert_eq!(
                (record.submission.outcome(), last.attempt.stage),
                (Some(Outcome::RunFailed), Stage::Run)
            ),
        }
        world.until("the note", Duration::from_secs(30), |_| {
            let note = copy.note(&copy.head());
            note.starts_with(
                record
                    .submission
                    .outcome()
                    .unwrap()
                    .message()
                    .trim_end_matches('.'),
            )
        });
    }
}
