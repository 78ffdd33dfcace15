//! Whether one more submission may be made now: QTA001 to QTA005, PHS001.
//!
//! Counts come from the ledger, the moment from the caller. Days are days in UTC.

use super::catalogue::{PHS001, QTA001, QTA002, QTA003, QTA004, QTA005};
use crate::model::{ContentId, Duration, Finding, Phase, Quota, Timestamp};

/// What a team has used on a board.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Evaluations on hidden data since midnight, those under way included.
    pub today: u32,
    /// Evaluations on hidden data in the phase, those under way included.
    pub total: u32,
    /// Pushes since midnight.
    pub submissions_today: u32,
    /// Submissions under way.
    pub under_way: u32,
    /// Evaluations that organizers gave since midnight: for today, beside those of the phase's quota.
    pub granted_today: u32,
    /// Evaluations that organizers gave in the phase.
    pub granted: u32,
}

/// The quota of a phase with what organizers gave.
pub fn allowed(counts: Counts, quota: &Quota) -> Quota {
    Quota {
        per_day: quota.per_day.saturating_add(counts.granted_today),
        total: quota.total.saturating_add(counts.granted),
        ..*quota
    }
}

/// What is left, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Evaluations today; never more than are left in the phase.
    pub today: u32,
    /// Evaluations in the phase.
    pub total: u32,
    /// Pushes today.
    pub submissions_today: u32,
}

/// What a team has left on a board.
pub fn left(counts: Counts, quota: &Quota) -> Left {
    let quota = allowed(counts, quota);
    let total = quota.total.saturating_sub(counts.total);
    Left {
        today: quota.per_day.saturating_sub(counts.today).min(total),
        total,
        submissions_today: quota
            .submissions_per_day
            .saturating_sub(counts.submissions_today),
    }
}

/// When the counts of the day begin anew.
pub fn next_day(now: Timestamp) -> Timestamp {
    now.start_of_day().plus(Duration::DAY)
}

/// Whether one more submission is allowed; `counts` does not include it.
pub fn check(counts: Counts, quota: &Quota, now: Timestamp) -> Vec<Finding> {
    let left = left(counts, quota);
    let quota = allowed(counts, quota);
    let next = next_day(now);
    let mut findings = Vec::new();
    if left.total == 0 {
        findings.push(QTA002.finding(format!(
            "All {} evaluations of this phase are used",
            quota.total
        )));
    } else if left.today == 0 {
        findings.push(QTA001.finding(format!(
            "All {} evaluations of today are used; the next slot is at {next}",
            quota.per_day
        )));
    }
    if left.submissions_today == 0 {
        findings.push(QTA003.finding(format!(
            "All {} pushes of today are used; the next is possible at {next}",
            quota.submissions_per_day
        )));
    }
    if counts.under_way >= quota.concurrent {
        let (n, are) = match counts.under_way {
            1 => ("1 submission".to_owned(), "is"),
            n => (format!("{n} submissions"), "are"),
        };
        findings.push(QTA004.finding(format!("{n} of this team {are} under way; this one waits")));
    }
    findings
}

/// Whether the phase was open when the push was seen.
pub fn phase(phase: &Phase, observed: Timestamp) -> Option<Finding> {
    if phase.is_open(observed) {
        return None;
    }
    Some(if observed < phase.opens {
        PHS001.finding(format!(
            "The phase `{}` opens at {}",
            phase.slug, phase.opens
        ))
    } else {
        PHS001.finding_with(
            format!("The phase `{}` closed at {}", phase.slug, phase.closes),
            "Nothing more can be submitted to this phase, unless the organizers extend it.",
        )
    })
}

/// The same files, or the same image, were submitted before, and are scored or under way.
pub fn duplicate(number: i64, earlier: &ContentId) -> Finding {
    let what = match earlier {
        ContentId::Commit(_) => "files were",
        ContentId::Image(_) => "image was",
    };
    QTA005.finding(format!(
        "The same {what} submitted before: #{number}, {} {}",
        earlier.word(),
        earlier.short()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BoardVisibility, CommitSha, PhaseSlug, Pick, Show, Trigger};

    const QUOTA: Quota = Quota {
        per_day: 2,
        total: 5,
        concurrent: 1,
        submissions_per_day: 10,
    };

    fn codes(today: u32, total: u32, submissions_today: u32, under_way: u32) -> Vec<String> {
        let now = Timestamp::parse("2024-07-29T13:00:00Z").unwrap();
        let counts = Counts {
            today,
            total,
            submissions_today,
            under_way,
            ..Counts::default()
        };
        check(counts, &QUOTA, now)
            .into_iter()
            .map(|f| f.code)
            .collect()
    }

    #[test]
    fn every_bound_holds_and_none_goes_below_zero() {
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
            assert_eq!(
                codes(counts.0, counts.1, counts.2, counts.3),
                expected,
                "{counts:?}"
            );
        }
        let over = Counts {
            today: 9,
            total: 9,
            submissions_today: 99,
            under_way: 9,
            ..Counts::default()
        };
        assert_eq!(
            left(over, &QUOTA),
            Left {
                today: 0,
                total: 0,
                submissions_today: 0
            }
        );
        let late = Counts {
            total: 4,
            ..Counts::default()
        };
        assert_eq!(left(late, &QUOTA).today, 1);
    }

    #[test]
    fn what_organizers_gave_stands_beside_the_quota() {
        let now = Timestamp::parse("2024-07-29T13:00:00Z").unwrap();
        let used_up = Counts {
            today: 2,
            total: 5,
            ..Counts::default()
        };
        assert_eq!(check(used_up, &QUOTA, now)[0].code, "QTA002");
        let given = Counts {
            granted: 1,
            granted_today: 1,
            ..used_up
        };
        assert_eq!(check(given, &QUOTA, now), []);
        assert_eq!(
            (left(given, &QUOTA).today, left(given, &QUOTA).total),
            (1, 1)
        );
        // Given on another day: there is one more, but not above the quota of today.
        let earlier = Counts {
            granted: 1,
            ..used_up
        };
        assert_eq!(check(earlier, &QUOTA, now)[0].code, "QTA001");
        let all = Counts { total: 6, ..given };
        assert_eq!(
            check(all, &QUOTA, now)[0].message,
            "All 6 evaluations of this phase are used"
        );
    }

    #[test]
    fn the_next_slot_is_the_next_midnight() {
        for (now, next) in [
            ("2024-07-29T00:00:00Z", "2024-07-30T00:00:00Z"),
            ("2024-07-29T23:59:59Z", "2024-07-30T00:00:00Z"),
            ("2024-12-31T12:00:00Z", "2025-01-01T00:00:00Z"),
        ] {
            assert_eq!(next_day(Timestamp::parse(now).unwrap()).to_string(), next);
        }
        let now = Timestamp::parse("2024-07-29T13:00:00Z").unwrap();
        let used = Counts {
            today: 2,
            ..Counts::default()
        };
        assert_eq!(
            check(used, &QUOTA, now)[0].message,
            "All 2 evaluations of today are used; the next slot is at 2024-07-30T00:00:00Z"
        );
    }

    #[test]
    fn a_phase_says_when_it_opens_or_closed() {
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
        let message = |text| phase(&one, timestamp(text)).map(|f| f.message);
        assert_eq!(message("2024-08-01T00:00:00Z"), None);
        assert_eq!(message("2024-09-20T23:59:59Z"), None);
        assert_eq!(
            message("2024-07-28T23:59:59Z").unwrap(),
            "The phase `validation` opens at 2024-07-29T00:00:00Z"
        );
        assert_eq!(
            message("2024-09-21T00:00:00Z").unwrap(),
            "The phase `validation` closed at 2024-09-20T23:59:59Z"
        );
        let sha = CommitSha::new("ab".repeat(20)).unwrap();
        assert_eq!(
            duplicate(7, &ContentId::Commit(sha)).message,
            "The same files were submitted before: #7, commit ababababab"
        );
    }
}
