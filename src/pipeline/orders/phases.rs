//! Open, close and extend a phase: its bounds as they are in force, above those of the file.

use serde_json::json;

use super::{Answer, Desk, Reach, Refusal};
use crate::model::{Duration, Phase, PhaseSlug, Setting, Timestamp};
use crate::store::Ordered;

/// A phase whose bounds were moved.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseMoved {
    /// The phase as it was in force.
    pub before: Phase,
    /// The phase as it is now.
    pub after: Phase,
}

/// Opens a phase now. One that was closed by order goes on to the end that the file names.
///
/// # Errors
/// When it is open, or over by now.
pub async fn open(desk: &Desk<'_>, slug: &PhaseSlug) -> Answer<PhaseMoved> {
    let file = desk.phase(slug)?;
    let known = in_force(desk, slug).await?;
    let before = &known.phase;
    if before.is_open(desk.now) {
        let message = format!("the phase `{slug}` is open until {}", before.closes);
        return Err(Refusal::Already(message));
    }
    if desk.now < before.opens {
        return change(desk, known, ("phase open", Setting::Opens(Some(desk.now)))).await;
    }
    if desk.now <= file.closes {
        return change(desk, known, ("phase open", Setting::Closes(None))).await;
    }
    Err(Refusal::Over {
        phase: slug.to_string(),
        closed: before.closes,
    })
}

/// Closes a phase now. What was pushed before goes on.
///
/// # Errors
/// When it is not open.
pub async fn close(desk: &Desk<'_>, slug: &PhaseSlug) -> Answer<PhaseMoved> {
    let known = in_force(desk, slug).await?;
    let before = &known.phase;
    if desk.now < before.opens {
        return Err(Refusal::NotBegun {
            phase: slug.to_string(),
            opens: before.opens,
        });
    }
    if before.closes < desk.now {
        let message = format!("the phase `{slug}` closed at {}", before.closes);
        return Err(Refusal::Already(message));
    }
    // The last moment of a phase belongs to it.
    let last = desk.now.minus(Duration(1));
    change(desk, known, ("phase close", Setting::Closes(Some(last)))).await
}

/// Gives a phase a later end. One that is over is open again.
///
/// # Errors
/// When the end would not be later than both the present end and the present moment.
pub async fn extend(desk: &Desk<'_>, slug: &PhaseSlug, until: Timestamp) -> Answer<PhaseMoved> {
    let known = in_force(desk, slug).await?;
    let closes = known.phase.closes;
    let after = closes.max(desk.now);
    if until <= after {
        return Err(Refusal::NotLater {
            phase: slug.to_string(),
            closes,
            after,
        });
    }
    change(desk, known, ("phase extend", Setting::Closes(Some(until)))).await
}

/// A phase as it is in force, and the newest order that says so.
struct Known {
    phase: Phase,
    newest: i64,
}

async fn in_force(desk: &Desk<'_>, slug: &PhaseSlug) -> Answer<Known> {
    let file = desk.phase(slug)?;
    let orders = desk.store.overrides(&desk.challenge.slug).await?;
    Ok(Known {
        phase: orders.phase(&desk.challenge.slug, file),
        newest: orders.newest(),
    })
}

async fn change(
    desk: &Desk<'_>,
    known: Known,
    (action, setting): (&'static str, Setting),
) -> Answer<PhaseMoved> {
    let before = known.phase;
    let file = desk.phase(&before.slug)?;
    let challenge = &desk.challenge.slug;
    let after = match setting {
        Setting::Opens(at) => Phase {
            opens: at.unwrap_or(file.opens),
            ..before.clone()
        },
        Setting::Closes(at) => Phase {
            closes: at.unwrap_or(file.closes),
            ..before.clone()
        },
        _ => before.clone(),
    };
    let bounds = |phase: &Phase| json!({ "opens": phase.opens, "closes": phase.closes });
    let detail = json!({ "before": bounds(&before), "after": bounds(&after) });
    let subject = format!("{challenge}/{}", before.slug);
    let reach = Reach {
        phase: Some(before.slug.clone()),
        task: None,
    };
    let boards = desk.boards(&reach)?;
    let row = desk.set(&reach, None, setting, "");
    let audit = desk.audit(action, subject, detail);
    let with = Ordered {
        audit: &audit,
        boards: &boards,
        reports: &[],
    };
    desk.store
        .put_overrides(challenge, known.newest, &[row], with, desk.now)
        .await?;
    Ok(PhaseMoved { before, after })
}
