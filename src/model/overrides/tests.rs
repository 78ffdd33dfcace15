//! Precedence of overrides, taking a value back, and the stored form of settings.

use super::super::challenge::{Pick, Quota, Show, Trigger};
use super::*;

const CLOSES: Timestamp = Timestamp(1_000);

fn board(phase: &str, task: &str) -> Board {
    Board {
        challenge: ChallengeSlug::new("c").unwrap(),
        phase: PhaseSlug::new(phase).unwrap(),
        task: TaskSlug::new(task).unwrap(),
    }
}

fn team(name: &str) -> TeamSlug {
    TeamSlug::new(name).unwrap()
}

fn phase() -> Phase {
    Phase {
        slug: PhaseSlug::new("final").unwrap(),
        title: "Final".into(),
        opens: Timestamp(0),
        closes: CLOSES,
        on: Trigger::Branch("main".into()),
        data: "/data".into(),
        quota: Quota { per_day: 1, total: 1, concurrent: 1, submissions_per_day: 1 },
        show: Show {
            board: BoardVisibility::Hidden,
            logs: false,
            cases: false,
            decimals: 3,
            disclosure_interval: crate::model::Duration(0),
        },
        pick: Pick::Best,
    }
}

/// A row for `phase/task` (either may be empty) and a team, created at the time of its number.
fn row(id: i64, location: &str, of: &str, setting: Setting) -> Override {
    let (phase, task) = location.split_once('/').unwrap();
    Override {
        id,
        challenge: ChallengeSlug::new("c").unwrap(),
        phase: PhaseSlug::new(phase).ok(),
        task: TaskSlug::new(task).ok(),
        team: TeamSlug::new(of).ok(),
        setting,
        actor: "gitea:ada".into(),
        reason: format!("reason {id}"),
        created_at: Timestamp(id),
    }
}

fn folded(rows: Vec<Override>) -> Overrides {
    Overrides::new(rows)
}

#[test]
fn without_overrides_the_file_counts() {
    let none = Overrides::default();
    let here = board("final", "a");
    assert_eq!(none.on_board(&here, &phase()), phase());
    assert_eq!(none.newest(), 0);
    assert!(none.paused(&here).is_none());
    assert_eq!(none.frozen(&here), None);
    assert!(none.disqualified(&here, &team("x")).is_none());
    assert_eq!(none.chosen(&here, &team("x")), None);
}

#[test]
fn the_newest_time_counts_and_can_be_taken_back() {
    let until = |timestamps: &[Option<i64>]| {
        let rows = timestamps.iter().zip(1..).map(|(at, id)| row(id, "final/", "", Setting::Closes(at.map(Timestamp))));
        let challenge = ChallengeSlug::new("c").unwrap();
        // The order of the rows does not matter.
        let mut rows: Vec<Override> = rows.collect();
        rows.reverse();
        folded(rows).phase(&challenge, &phase()).closes
    };
    assert_eq!(until(&[Some(5_000)]), Timestamp(5_000));
    assert_eq!(until(&[Some(5_000), Some(10)]), Timestamp(10));
    assert_eq!(until(&[Some(5_000), None]), CLOSES);
    let other = folded(vec![row(1, "other/", "", Setting::Opens(Some(Timestamp(7))))]);
    assert_eq!(other.on_board(&board("final", "a"), &phase()), phase());
}

#[test]
fn a_resumed_leaderboard_runs_although_its_challenge_is_paused() {
    let rows = vec![row(1, "/", "", Setting::Paused(true)), row(2, "final/a", "", Setting::Paused(false))];
    let overrides = folded(rows.clone());
    assert!(overrides.paused(&board("final", "a")).is_none());
    let why = overrides.paused(&board("final", "b")).unwrap();
    assert_eq!(why.reason, "reason 1");
    // The newest counts, also if it covers more.
    let again = folded([rows, vec![row(3, "final/", "", Setting::Paused(true))]].concat());
    assert_eq!(again.paused(&board("final", "a")).unwrap().id, 3);
}

#[test]
fn leaderboards_are_published_and_frozen_one_by_one() {
    let point = FreezePoint { at: Timestamp(9), revision: Some(4) };
    let overrides = folded(vec![
        row(1, "final/a", "", Setting::Board(Some(BoardVisibility::Live))),
        row(2, "final/a", "", Setting::Frozen(Some(point))),
        row(3, "final/b", "", Setting::Frozen(Some(point))),
        row(4, "final/b", "", Setting::Frozen(None)),
    ]);
    let shown = |task| overrides.on_board(&board("final", task), &phase()).show.board;
    assert_eq!(shown("a"), BoardVisibility::Live);
    assert_eq!(shown("b"), BoardVisibility::Hidden);
    assert_eq!(overrides.frozen(&board("final", "a")), Some(point));
    assert_eq!(overrides.frozen(&board("final", "b")), None);
}

#[test]
fn teams_are_disqualified_and_choose_independently() {
    let overrides = folded(vec![
        row(1, "/", "x", Setting::Disqualified(true)),
        row(2, "final/a", "y", Setting::Chosen(Some(3))),
        row(3, "final/a", "y", Setting::Chosen(Some(8))),
        row(4, "final/b", "x", Setting::Disqualified(false)),
    ]);
    let here = board("final", "a");
    assert_eq!(overrides.disqualified(&here, &team("x")).unwrap().id, 1);
    assert!(overrides.disqualified(&board("final", "b"), &team("x")).is_none());
    assert!(overrides.disqualified(&here, &team("y")).is_none());
    assert_eq!(overrides.chosen(&here, &team("y")), Some(8));
    assert_eq!(overrides.chosen(&here, &team("x")), None);
    // As it was before the second choice.
    assert_eq!(overrides.until(Timestamp(2)).chosen(&here, &team("y")), Some(3));
}

#[test]
fn a_setting_is_stored_as_key_and_value() {
    let json = |setting: &Setting| serde_json::to_string(setting).unwrap();
    let all = [
        (Setting::Opens(Some(Timestamp(5))), r#"{"key":"opens","value":5}"#),
        (Setting::Closes(None), r#"{"key":"closes","value":null}"#),
        (Setting::Paused(true), r#"{"key":"paused","value":true}"#),
        (
            Setting::Frozen(Some(FreezePoint { at: Timestamp(5), revision: None })),
            r#"{"key":"frozen","value":{"at":5,"revision":null}}"#,
        ),
        (Setting::Board(Some(BoardVisibility::Live)), r#"{"key":"board","value":"live"}"#),
        (Setting::Disqualified(false), r#"{"key":"disqualified","value":false}"#),
        (Setting::Chosen(Some(12)), r#"{"key":"chosen","value":12}"#),
    ];
    for (setting, text) in all {
        assert_eq!(json(&setting), text);
        assert_eq!(serde_json::from_str::<Setting>(text).unwrap(), setting);
    }
}
