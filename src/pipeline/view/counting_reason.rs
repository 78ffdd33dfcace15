//! Why a submission of a team counts on the leaderboard, or why another one does. Pure.

use crate::model::{MetricSpec, Phase, Pick, Task};
use crate::ranking::first_difference;
use crate::report::{RowView, ScoreView};

/// The sentence of a report about a scored submission of the team in this row. `chosen` is the number of the submission
/// that the team has chosen. `None` if the values do not explain what counts, as on a frozen leaderboard.
pub(super) fn sentence(
    score: &ScoreView,
    number: i64,
    chosen: Option<i64>,
    row: &RowView,
    task: &Task,
    phase: &Phase,
) -> Option<String> {
    let counts = row.submission == number;
    match phase.pick {
        Pick::Last if counts => Some("It is the latest of the team.".to_owned()),
        Pick::Last => (row.submission > number).then(|| "It is later.".to_owned()),
        Pick::Chosen if chosen == Some(row.submission) => Some("The team chose it.".to_owned()),
        Pick::Best | Pick::Chosen if counts => {
            Some(format!("It is the best of the team by {}.", titles(&task.best_by())))
        }
        Pick::Best | Pick::Chosen => better(score, row, task),
    }
}

/// How the submission in the row is better than this one.
fn better(score: &ScoreView, row: &RowView, task: &Task) -> Option<String> {
    let order = task.best_by();
    let position = |spec: &&MetricSpec| task.metrics.iter().position(|metric| metric.name == spec.name);
    let positions: Vec<usize> = order.iter().filter_map(position).collect();
    let theirs: Vec<f64> = positions.iter().filter_map(|i| row.values.get(*i)).map(|cell| cell.value.value).collect();
    let ours: Vec<f64> = positions.iter().filter_map(|i| score.metrics.get(*i)).map(|metric| metric.value).collect();
    match first_difference(&order, &theirs, &ours) {
        Some((at, difference)) => difference.is_gt().then(|| format!("Its {} is better.", order[at].title)),
        None => Some(format!("It is earlier, and equal by {}.", titles(&order))),
    }
}

/// `Dice, then HD95`
fn titles(order: &[&MetricSpec]) -> String {
    order.iter().map(|metric| metric.title.as_str()).collect::<Vec<_>>().join(", then ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ContentId, Digest, TeamSlug, Timestamp};
    use crate::report::{CellValue, CellView, MetricView};

    /// A submission with these values (AP@0.5, Dice, HD95), or the row of one.
    fn score(task: &Task, values: [f64; 3]) -> ScoreView {
        let metrics =
            task.metrics.iter().zip(values).map(|(spec, value)| MetricView::new(spec, value, None, 3)).collect();
        ScoreView { metrics, cases: None, imputed: 0, rank: Some(1), of: 2, counting: None, counting_reason: None }
    }

    fn row(submission: i64, values: [f64; 3]) -> RowView {
        RowView {
            rank: 1,
            team: TeamSlug::new("alpha").unwrap(),
            values: values.map(|value| CellView::new(value, 1, 3)).to_vec(),
            value: CellValue::new(1.0, 3),
            submission,
            content: ContentId::Image(Digest::of(b"")),
            at: Timestamp(0),
            imputed: 0,
            is_baseline: false,
        }
    }

    #[test]
    fn the_reason_follows_from_the_declared_order() {
        let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nuclei");
        let challenge = crate::config::read_challenge(&example).unwrap();
        let task = &challenge.tasks[0];
        let reason = |pick, number, chosen, counting: RowView, values| {
            let phase = Phase { pick, ..challenge.phases[0].clone() };
            sentence(&score(task, values), number, chosen, &counting, task, &phase).unwrap_or_default()
        };
        let best = || row(2, [0.9, 0.5, 10.0]);
        let order = "AP@0.5, then Dice, then HD95 [px]";
        let own = [0.9, 0.5, 10.0];
        assert_eq!(reason(Pick::Best, 2, None, best(), own), format!("It is the best of the team by {order}."));
        assert_eq!(reason(Pick::Best, 1, None, best(), [0.8, 0.9, 1.0]), "Its AP@0.5 is better.");
        assert_eq!(reason(Pick::Best, 1, None, best(), [0.9, 0.4, 1.0]), "Its Dice is better.");
        assert_eq!(reason(Pick::Best, 3, None, best(), [0.9001, 0.5, 11.0]), "Its HD95 [px] is better.");
        assert_eq!(reason(Pick::Best, 3, None, best(), own), format!("It is earlier, and equal by {order}."));
        assert_eq!(reason(Pick::Best, 3, None, best(), [0.95, 0.5, 10.0]), "", "the leaderboard is frozen");
        assert_eq!(reason(Pick::Last, 2, None, best(), own), "It is the latest of the team.");
        assert_eq!(reason(Pick::Last, 1, None, best(), own), "It is later.");
        assert_eq!(reason(Pick::Chosen, 3, Some(2), best(), [1.0, 1.0, 0.0]), "The team chose it.");
        assert_eq!(reason(Pick::Chosen, 1, None, best(), [0.8, 0.9, 1.0]), "Its AP@0.5 is better.");
    }
}
