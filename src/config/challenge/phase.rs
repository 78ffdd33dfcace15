//! `[[phase]]`: when, what starts a submission, on which data, how often, what is shown.
//!
//! Does not look for the data: see [`crate::config::check_paths`].

use std::path::Path;

use super::SLUG;
use crate::config::reader::Section;
use crate::config::values::{flag, moment, one_of, parsed, path, span, text, whole};
use crate::model::{
    BoardVisibility, Duration, Phase, PhaseSlug, Pick, Quota, Show, Trigger, limits,
};

/// Reads one phase; `before` holds the phases above it in the file, and then this one too.
pub fn read(s: &Section<'_>, directory: &Path, before: &mut Vec<Phase>) -> Option<Phase> {
    let slug = s.required("slug", parsed(SLUG, |t| PhaseSlug::new(t).ok()));
    let title = s.optional("title", text);
    let opens = s.required("opens", moment);
    let closes = s.required("closes", moment);
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
        let says = format!("The phase closes at {closes}, before it opens at {opens}.");
        s.contradiction("closes", says, "Swap or correct the two moments.");
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
            let says = format!("There are two phases of the name `{}`.", phase.slug);
            s.contradiction("slug", says, "Give each its own slug.");
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
    let tries_per_day = s.required("tries-per-day", whole(1, MOST));
    let quota = Quota {
        per_day: per_day?,
        total: total?,
        concurrent: concurrent?,
        tries_per_day: tries_per_day?,
    };
    if quota.tries_per_day < quota.per_day {
        s.doubt(
            "tries-per-day",
            format!(
                "{} evaluations a day are allowed, but only {} pushes.",
                quota.per_day, quota.tries_per_day
            ),
            "Raise `tries-per-day`: every evaluation begins with a push.",
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
    let grid = s.optional("grid", span);
    let logs = logs?;
    if logs && grid.is_some() {
        s.doubt(
            "grid",
            "Logs are shown, and with them how long everything took: `grid` has no effect."
                .to_owned(),
            "Delete it, or write `logs = \"none\"`.",
        );
    }
    Some(Show {
        board: board?,
        logs,
        cases: cases?,
        decimals: decimals?,
        grid: match logs {
            true => Duration(0),
            false => grid.unwrap_or(limits::VERDICT_GRID),
        },
    })
}
