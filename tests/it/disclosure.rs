//! In a hidden phase neither the page nor the leaderboard nor the note reveals when an evaluation ended. Referee
//! publishes each result at a multiple of the phase's disclosure interval.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use referee::model::{Outcome, Stage, Submission, SubmissionState};
use serde_json::Value;

use crate::world::{PATIENCE, World, submission};

/// The disclosure interval of the phase in seconds.
const DISCLOSURE_INTERVAL: i64 = 15;

fn is_undisclosed(submission: &Submission) -> bool {
    matches!(submission.state, SubmissionState::Undisclosed { .. })
}

/// The part of a page that could reveal an end: the state, and the stages on hidden data without their times.
fn revealing_part(view: &Value) -> (Value, Vec<(Value, Value, Value)>) {
    let stages = view["stages"].as_array().expect("stages");
    let hidden = stages.iter().filter(|stage| stage["name"] == "run" || stage["name"] == "scoring");
    let fields = |stage: &Value| {
        let field = |name: &str| stage[name].clone();
        (field("name"), field("state"), field("message"))
    };
    (view["state"].clone(), hidden.map(fields).collect())
}

#[test]
fn a_result_is_published_at_the_disclosure_interval() {
    let with_disclosure_interval = World::with_changed("nuclei", |folder| {
        let file = folder.join("challenge.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let changed =
            text.replace("disclosure-interval = \"5s\"", &format!("disclosure-interval = \"{DISCLOSURE_INTERVAL}s\""));
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
        world.until("the result is published", PATIENCE, |world| {
            let record = world.submissions("nuclei", team).remove(0);
            let view = world.view(&token);
            undisclosed.set(undisclosed.get() + i32::from(is_undisclosed(&record.submission)));
            let ended = view["state"]["state"] == "ended";
            if view["state"]["at"] == "run" || view["state"]["at"] == "scoring" {
                seen.borrow_mut().push(revealing_part(&view));
            }
            if is_undisclosed(&record.submission) && !ended {
                assert_eq!(view["findings"], Value::Array(Vec::new()), "{view:#}");
                assert_eq!(view["score"], Value::Null);
            }
            ended
        });
        assert!(undisclosed.get() > 0, "the result was published before the test saw it undisclosed");
        // The page does not change from the end of the queue to the publication, whichever stage runs.
        let mut seen = seen.into_inner();
        seen.retain(|(state, _)| state["state"] == "working");
        seen.dedup();
        assert_eq!(seen.len(), 1, "{seen:#?}");
        let record = world.submissions("nuclei", team).remove(0);
        let last = world.attempts(&record).pop().unwrap();
        let published = record.submission.state.ended_at().unwrap();
        let due = last.attempt.ended_at.unwrap().round_up(referee::model::Duration::seconds(DISCLOSURE_INTERVAL));
        assert!(published >= due, "{published} is before {due}");
        match team {
            "scores" => {
                assert_eq!((record.submission.outcome(), last.attempt.stage), (Some(Outcome::Scored), Stage::Scoring))
            }
            _ => assert_eq!((record.submission.outcome(), last.attempt.stage), (Some(Outcome::RunFailed), Stage::Run)),
        }
        world.until("the note", Duration::from_secs(30), |_| {
            let note = copy.note(&copy.head());
            note.starts_with(record.submission.outcome().unwrap().message().trim_end_matches('.'))
        });
    }
}
