//! `[[phase]]`: period, trigger, data, quota and disclosure.
//!
//! The data need not exist: see [`crate::config::check_data`].

use std::path::Path;

use super::SLUG;
use crate::config::reader::Section;
use crate::config::values::{boolean, duration, integer, one_of, parsed, path, text, timestamp, word};
use crate::model::{Duration, Phase, PhaseSlug, Quota, Show, Trigger, limits};

/// Reads one `[[phase]]`. `before` holds the phases above it in the file, and gets this one appended.
pub(super) fn phase(s: &Section<'_>, directory: &Path, before: &mut Vec<Phase>) -> Option<Phase> {
    let slug = s.required("slug", parsed(SLUG, |t| PhaseSlug::new(t).ok()));
    let title = s.optional("title", text);
    let opens = s.required("opens", timestamp);
    let closes = s.required("closes", timestamp);
    let on = s.required(
        "on",
        parsed("Write `branch:main`, `tag:final-*` or `image:*`; `*` matches any characters.", Trigger::parse),
    );
    let data = s.required("data", path(directory));
    let quota = s.section("quota", quota);
    let show = s.section("show", show);
    let pick = s.required("pick", word);
    if let (Some(opens), Some(closes)) = (opens, closes)
        && closes < opens
    {
        let message = format!("The phase closes at {closes}, before it opens at {opens}.");
        s.contradiction("closes", message, "Swap or correct the two times.");
    }
    let slug = slug?;
    let phase = Phase {
        title: title.unwrap_or_else(|| slug.to_string()),
        slug,
        opens: opens?,
        closes: closes?,
        on: on?,
        data: data?,
        quota: quota?,
        show: show?,
        pick: pick?,
    };
    compare(s, before, &phase);
    before.push(phase.clone());
    Some(phase)
}

/// Two phases must have different names. At the same time, they should have different triggers.
fn compare(s: &Section<'_>, before: &[Phase], phase: &Phase) {
    for other in before {
        if other.slug == phase.slug {
            let message = format!("Two phases have the slug `{}`.", phase.slug);
            s.contradiction("slug", message, "Give each phase its own slug.");
        }
        let together = other.opens <= phase.closes && phase.opens <= other.closes;
        if together && overlap(&other.on, &phase.on) {
            s.warning(
                "on",
                format!(
                    "One push can be a submission to both `{}` and `{}`, and use the quota of both.",
                    other.slug, phase.slug
                ),
                "Use different branches, tags or images for the phases, or periods that do not overlap.",
            );
        }
    }
}

/// Whether one trigger matches the pattern of the other.
fn overlap(a: &Trigger, b: &Trigger) -> bool {
    let covers = |trigger: &Trigger, other: &Trigger| match other {
        Trigger::Branch(pattern) => trigger.matches(&format!("refs/heads/{pattern}")),
        Trigger::Tag(pattern) => trigger.matches(&format!("refs/tags/{pattern}")),
        Trigger::Image(pattern) => trigger.matches_image(pattern),
    };
    covers(a, b) || covers(b, a)
}

fn quota(s: &Section<'_>) -> Option<Quota> {
    const MOST: i64 = 1_000_000;
    let per_day = s.required("per-day", integer(1, MOST));
    let total = s.required("total", integer(1, MOST));
    let concurrent = s.required("concurrent", integer(1, 1000));
    let submissions_per_day = s.required("submissions-per-day", integer(1, MOST));
    let quota =
        Quota { per_day: per_day?, total: total?, concurrent: concurrent?, submissions_per_day: submissions_per_day? };
    if quota.submissions_per_day < quota.per_day {
        s.warning(
            "submissions-per-day",
            format!(
                "{} evaluations per day are allowed, but only {} submissions.",
                quota.per_day, quota.submissions_per_day
            ),
            "Raise `submissions-per-day`, because every evaluation needs a submission.",
        );
    }
    Some(quota)
}

fn show(s: &Section<'_>) -> Option<Show> {
    let board = s.required("board", word);
    let logs = s.required("logs", one_of(&[("none", false), ("all", true)]));
    let cases = s.required("cases", boolean);
    let decimals = s.required("decimals", integer(0, 12));
    let disclosure_interval = s.optional("disclosure-interval", duration);
    let logs = logs?;
    if logs && disclosure_interval.is_some() {
        s.warning(
            "disclosure-interval",
            "`disclosure-interval` has no effect, because the logs reveal how long each run takes.",
            "Remove it, or write `logs = \"none\"`.",
        );
    }
    Some(Show {
        board: board?,
        logs,
        cases: cases?,
        decimals: decimals?,
        disclosure_interval: if logs {
            Duration(0)
        } else {
            disclosure_interval.unwrap_or(limits::DISCLOSURE_INTERVAL)
        },
    })
}
