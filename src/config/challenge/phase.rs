//! `[[phase]]`: when, what starts a submission, on which data, how often, what is shown.
//!
//! Does not look for the data: see [`crate::config::check_paths`].

use std::path::Path;

use super::SLUG;
use crate::config::reader::Section;
use crate::config::values::{flag, one_of, parsed, path, span, text, timestamp, whole};
use crate::model::{
    BoardVisibility, Duration, Phase, PhaseSlug, Pick, Quota, Show, Trigger, limits,
};

/// Reads one phase; `before` holds the phases above it in the file, and then this one too.
pub fn read(s: &Section<'_>, directory: &Path, before: &mut Vec<Phase>) -> Option<Phase> {
    let slug = s.required("slug", parsed(SLUG, |t| PhaseSlug::new(t).ok()));
    let title = s.optional("title", text);
    let opens = s.required("opens", timestamp);
    let closes = s.required("closes", timestamp);
    let on = s.required(
        "on",
        parsed(
            "Write `branch:main`, `tag:final-*` or `image:*`; `*` stands for any characters.",
            Trigger::parse,
        ),
    );
    let data = s.required("data", path(directory));
    let quota = s.section("quota", quota);
    let show = s.section("show", show);
    let pick = s.required(
        "pick",
        one_of(&[
            ("best", Pick::Best),
            ("last", Pick::Last),
            ("chosen", Pick::Chosen),
        ]),
    );
    if let (Some(opens), Some(closes)) = (opens, closes)
        && closes < opens
    {
        let message = format!("The phase closes at {closes}, before it opens at {opens}.");
        s.contradiction("closes", message, "Swap or correct the two moments.");
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

/// Two phases may share neither their name nor, at the same time, their trigger.
fn compare(s: &Section<'_>, before: &[Phase], phase: &Phase) {
    for other in before {
        if other.slug == phase.slug {
            let message = format!("There are two phases of the name `{}`.", phase.slug);
            s.contradiction("slug", message, "Give each its own slug.");
        }
        let together = other.opens <= phase.closes && phase.opens <= other.closes;
        if together && overlap(&other.on, &phase.on) {
            s.doubt(
                "on",
                format!(
                    "A push can be a submission to `{}` and to `{}` at the same time, and spend \
                     the quota of both.",
                    other.slug, phase.slug
                ),
                "Give the phases different branches, tags or images, or periods that do not overlap.",
            );
        }
    }
}

/// Whether one trigger's pattern covers the other's.
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
    let per_day = s.required("per-day", whole(1, MOST));
    let total = s.required("total", whole(1, MOST));
    let concurrent = s.required("concurrent", whole(1, 1000));
    let submissions_per_day = s.required("submissions-per-day", whole(1, MOST));
    let quota = Quota {
        per_day: per_day?,
        total: total?,
        concurrent: concurrent?,
        submissions_per_day: submissions_per_day?,
    };
    if quota.submissions_per_day < quota.per_day {
        s.doubt(
            "submissions-per-day",
            format!(
                "{} evaluations a day are allowed, but only {} pushes.",
                quota.per_day, quota.submissions_per_day
            ),
            "Raise `submissions-per-day`: every evaluation begins with a push.",
        );
    }
    Some(quota)
}

fn show(s: &Section<'_>) -> Option<Show> {
    let board = s.required(
        "board",
        one_of(&[
            ("live", BoardVisibility::Live),
            ("hidden", BoardVisibility::Hidden),
        ]),
    );
    let logs = s.required("logs", one_of(&[("none", false), ("all", true)]));
    let cases = s.required("cases", flag);
    let decimals = s.required("decimals", whole(0, 12));
    let disclosure_interval = s.optional("disclosure-interval", span);
    let logs = logs?;
    if logs && disclosure_interval.is_some() {
        s.doubt(
            "disclosure-interval",
            "Logs are shown, and with them how long everything took: `disclosure-interval` has no effect."
                .to_owned(),
            "Delete it, or write `logs = \"none\"`.",
        );
    }
    Some(Show {
        board: board?,
        logs,
        cases: cases?,
        decimals: decimals?,
        disclosure_interval: match logs {
            true => Duration(0),
            false => disclosure_interval.unwrap_or(limits::DISCLOSURE_INTERVAL),
        },
    })
}
