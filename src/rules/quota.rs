//! Decides whether a team may submit now: QTA001 to QTA005, PHS001.
//!
//! The counts come from the quota ledger, and the time comes from the caller. Days are days in UTC. The deadline of a
//! phase is compared with the time at which Referee first observed the push.

use super::catalogue::{PHS001, PHS002, QTA001, QTA002, QTA003, QTA004, QTA005};
use crate::model::{ContentId, Duration, Finding, Phase, Quota, Timestamp};

/// The used quota of a team on a board.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Evaluations on hidden data since midnight, including those in progress.
    pub today: u32,
    /// Evaluations on hidden data in the phase, including those in progress.
    pub total: u32,
    /// Submissions since midnight.
    pub submissions_today: u32,
    /// Submissions in progress.
    pub under_way: u32,
    /// Extra evaluations that organizers granted since midnight. They count for today.
    pub granted_today: u32,
    /// Extra evaluations that organizers granted in the phase.
    pub granted: u32,
}

/// The quota of the phase plus the granted evaluations.
pub fn allowed(counts: Counts, quota: &Quota) -> Quota {
    Quota {
        per_day: quota.per_day.saturating_add(counts.granted_today),
        total: quota.total.saturating_add(counts.granted),
        ..*quota
    }
}

/// The remaining quota of a team on a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Evaluations today. Never more than are left in the phase.
    pub today: u32,
    /// Evaluations in the phase.
    pub total: u32,
    /// Submissions today.
    pub submissions_today: u32,
}

/// The remaining quota.
pub fn left(counts: Counts, quota: &Quota) -> Left {
    let quota = allowed(counts, quota);
    let total = quota.total.saturating_sub(counts.total);
    Left {
        today: quota.per_day.saturating_sub(counts.today).min(total),
        total,
        submissions_today: quota.submissions_per_day.saturating_sub(counts.submissions_today),
    }
}

/// The time when the counts of the day start again: the next midnight.
pub fn next_day(now: Timestamp) -> Timestamp {
    now.start_of_day().plus(Duration::DAY)
}

/// Checks one more submission. `counts` does not include it.
pub fn check_quota(counts: Counts, quota: &Quota, now: Timestamp) -> Vec<Finding> {
    let left = left(counts, quota);
    let quota = allowed(counts, quota);
    let next = next_day(now);
    let mut findings = Vec::new();
    if left.total == 0 {
        findings
            .push(QTA002.finding(format!("Your team has used {} of this phase", all_of(quota.total, "evaluation"))));
    } else if left.today == 0 {
        findings.push(QTA001.finding(format!(
            "Your team has used {} of today. The next one is possible at {next}",
            all_of(quota.per_day, "evaluation")
        )));
    }
    if left.submissions_today == 0 {
        findings.push(QTA003.finding(format!(
            "Your team has used {} of today. The next one is possible at {next}",
            all_of(quota.submissions_per_day, "submission")
        )));
    }
    if counts.under_way >= quota.concurrent {
        let message = match counts.under_way {
            1 => "1 submission of this team is in progress. This one waits".to_owned(),
            n => format!("{n} submissions of this team are in progress. This one waits"),
        };
        findings.push(QTA004.finding(message));
    }
    findings
}

/// `all 5 evaluations`, `the 1 evaluation`
fn all_of(n: u32, noun: &str) -> String {
    match n {
        1 => format!("the 1 {noun}"),
        n => format!("all {n} {noun}s"),
    }
}

/// Reports if the phase was not open when the push was first seen.
pub fn check_phase(phase: &Phase, observed: Timestamp) -> Option<Finding> {
    if phase.is_open(observed) {
        return None;
    }
    Some(if observed < phase.opens {
        PHS001.finding(format!("The phase `{}` opens at {}", phase.slug, phase.opens))
    } else {
        PHS001.finding_with(
            format!("The phase `{}` closed at {}", phase.slug, phase.closes),
            "The phase accepts no more submissions, unless the organizers extend it.",
        )
    })
}

/// The team is disqualified, with the reason that the organizers gave.
pub fn disqualified(reason: &str) -> Finding {
    PHS002.finding(format!("Your team is disqualified: {reason}"))
}

/// An earlier submission has the same files, or the same image, and is scored or in progress.
pub fn duplicate(number: i64, earlier: &ContentId) -> Finding {
    let content = match earlier {
        ContentId::Commit(_) => "files",
        ContentId::Image(_) => "image",
    };
    QTA005.finding(format!("Submission #{number} has the same {content}: {} {}", earlier.word(), earlier.short()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BoardVisibility, CommitSha, PhaseSlug, Pick, Show, Trigger};

    const QUOTA: Quota = Quota { per_day: 2, total: 5, concurrent: 1, submissions_per_day: 10 };

    fn codes(today: u32, total: u32, submissions_today: u32, under_way: u32) -> Vec<String> {
        let now = Timestamp::parse("2024-07-29T13:00:00Z").unwrap();
        let counts = Counts { today, total, submissions_today, under_way, ..Counts::default() };
        check_quota(counts, &QUOTA, now).into_iter().map(|f| f.code).collect()
    }

    #[test]
    fn messages() {
        let now = Timestamp::parse("2024-07-29T13:00:00Z").unwrap();
        let used = Counts { today: 2, submissions_today: 10, under_way: 3, ..Counts::default() };
        let other = Counts { total: 5, under_way: 1, ..Counts::default() };
        let sha = CommitSha::new("ab".repeat(20)).unwrap();
        let image = crate::model::Digest::of(b"image");
        let findings = [
            check_quota(used, &QUOTA, now),
            check_quota(other, &QUOTA, now),
            vec![duplicate(7, &ContentId::Commit(sha)), duplicate(8, &ContentId::Image(image))],
        ];
        insta::assert_snapshot!(crate::rules::samples::block("quota", &findings.concat()));
    }

    #[test]
    fn every_limit_is_enforced_and_no_remaining_quota_is_negative() {
        for (counts, expected) in [
            ((0, 0, 0, 0), &[] as &[_]),
            ((1, 4, 9, 0), &[]),
            ((2, 4, 0, 0), &["QTA001"]),
            ((1, 5, 0, 0), &["QTA002"]),
            ((9, 9, 0, 0), &["QTA002"]),
            ((0, 0, 10, 0), &["QTA003"]),
            ((0, 0, 0, 1), &["QTA004"]),
            ((2, 2, 99, 3), &["QTA001", "QTA003", "QTA004"]),
        ] {
            assert_eq!(codes(counts.0, counts.1, counts.2, counts.3), expected, "{counts:?}");
        }
        let over = Counts { today: 9, total: 9, submissions_today: 99, under_way: 9, ..Counts::default() };
        assert_eq!(left(over, &QUOTA), Left { today: 0, total: 0, submissions_today: 0 });
        let late = Counts { total: 4, ..Counts::default() };
        assert_eq!(left(late, &QUOTA).today, 1);
    }

    #[test]
    fn granted_evaluations_are_added_to_the_quota() {
        let now = Timestamp::parse("2024-07-29T13:00:00Z").unwrap();
        let used_up = Counts { today: 2, total: 5, ..Counts::default() };
        assert_eq!(check_quota(used_up, &QUOTA, now)[0].code, "QTA002");
        let granted = Counts { granted: 1, granted_today: 1, ..used_up };
        assert_eq!(check_quota(granted, &QUOTA, now), []);
        assert_eq!((left(granted, &QUOTA).today, left(granted, &QUOTA).total), (1, 1));
        // Granted on another day: the phase has one more evaluation, but today has not.
        let earlier = Counts { granted: 1, ..used_up };
        assert_eq!(check_quota(earlier, &QUOTA, now)[0].code, "QTA001");
        let all = Counts { total: 6, ..granted };
        assert_eq!(check_quota(all, &QUOTA, now)[0].message, "Your team has used all 6 evaluations of this phase");
    }

    #[test]
    fn the_next_evaluation_is_possible_at_midnight() {
        for (now, next) in [
            ("2024-07-29T00:00:00Z", "2024-07-30T00:00:00Z"),
            ("2024-07-29T23:59:59Z", "2024-07-30T00:00:00Z"),
            ("2024-12-31T12:00:00Z", "2025-01-01T00:00:00Z"),
        ] {
            assert_eq!(next_day(Timestamp::parse(now).unwrap()).to_string(), next);
        }
        let now = Timestamp::parse("2024-07-29T13:00:00Z").unwrap();
        let used = Counts { today: 2, ..Counts::default() };
        assert_eq!(
            check_quota(used, &QUOTA, now)[0].message,
            "Your team has used all 2 evaluations of today. The next one is possible at 2024-07-30T00:00:00Z"
        );
    }

    #[test]
    fn the_message_for_a_closed_phase_has_its_times() {
        let timestamp = |text| Timestamp::parse(text).unwrap();
        let one = Phase {
            slug: PhaseSlug::new("validation").unwrap(),
            title: "Validation".into(),
            opens: timestamp("2024-07-29T00:00:00Z"),
            closes: timestamp("2024-09-20T23:59:59Z"),
            on: Trigger::Branch("main".into()),
            data: "/data".into(),
            quota: QUOTA,
            show: Show {
                board: BoardVisibility::Live,
                logs: false,
                cases: false,
                decimals: 3,
                disclosure_interval: Duration(0),
            },
            pick: Pick::Best,
        };
        let times = ["2024-07-28T23:59:59Z", "2024-09-21T00:00:00Z"];
        let findings = times.map(|time| check_phase(&one, timestamp(time)).unwrap());
        insta::assert_snapshot!("phase", crate::rules::samples::block("phase", &findings));
        let message = |text| check_phase(&one, timestamp(text)).map(|f| f.message);
        assert_eq!(message("2024-08-01T00:00:00Z"), None);
        assert_eq!(message("2024-09-20T23:59:59Z"), None);
        assert_eq!(message("2024-07-28T23:59:59Z").unwrap(), "The phase `validation` opens at 2024-07-29T00:00:00Z");
        assert_eq!(message("2024-09-21T00:00:00Z").unwrap(), "The phase `validation` closed at 2024-09-20T23:59:59Z");
        let sha = CommitSha::new("ab".repeat(20)).unwrap();
        assert_eq!(
            duplicate(7, &ContentId::Commit(sha)).message,
            "Submission #7 has the same files: commit ababababab"
        );
    }
}
