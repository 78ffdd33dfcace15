//! The files of the leaderboard repository.

use std::collections::BTreeMap;

use super::super::board::{CellValue, CellView};
use super::super::publication::{ChallengePublication, files};
use super::super::{BoardView, Titled};
use crate::model::{ChallengeSlug, Duration, MetricName, TeamSlug, Timestamp};

fn empty(title: &str) -> ChallengePublication {
    let slug = ChallengeSlug::new("nuclei").unwrap();
    let url = "https://referee.example/".to_owned();
    ChallengePublication::new(Titled::new(slug, title), Some(url))
}

/// Four teams. The first two have equal values.
fn four() -> BoardView {
    let mut view = BoardView::sample();
    view.rows.truncate(4);
    view.rows[1].values = view.rows[0].values.clone();
    view.rows[3].imputed = 2;
    view
}

fn texts(publication: &ChallengePublication) -> BTreeMap<String, String> {
    let text = |(path, bytes)| (path, String::from_utf8(bytes).unwrap());
    files(publication).into_iter().map(text).collect()
}

fn teams(values: &[f64]) -> BoardView {
    let mut view = BoardView::sample();
    let row = view.rows[0].clone();
    let rows = values.iter().zip(1..).map(|(value, i)| {
        let mut row = row.clone();
        row.team = TeamSlug::new(format!("team-{i:02}")).unwrap();
        row.rank = i;
        row.values[0] = CellView::new(*value, i, 3);
        row
    });
    view.rows = rows.collect();
    view
}

fn plot(view: BoardView) -> String {
    let files = texts(&empty("Nuclei").with_board(view));
    files["validation/segmentation.svg"].clone()
}

#[test]
fn the_files_of_a_leaderboard_with_four_teams_and_a_tie() {
    let files = texts(&empty("Nuclei").with_board(four()));
    let paths: Vec<&String> = files.keys().collect();
    assert_eq!(paths, ["README.md", "validation/segmentation.csv", "validation/segmentation.svg"]);
    insta::assert_snapshot!("publication-readme", files["README.md"]);
    insta::assert_snapshot!("publication-svg", files["validation/segmentation.svg"]);
    assert!(files["validation/segmentation.csv"].starts_with("rank,team,is_baseline,"));
}

#[test]
fn files_change_only_with_the_standings_and_the_state_of_the_phase() {
    let of = |view: BoardView| files(&empty("Nuclei").with_board(view));
    let first = of(four());
    let mut later = four();
    later.generated_at = later.generated_at.plus(Duration::seconds(3600));
    later.submissions += 5;
    later.under_way = 0;
    assert_eq!(of(later.clone()), first);
    later.generated_at = later.closes.plus(Duration::seconds(1));
    let closed = of(later);
    assert_ne!(closed["README.md"], first["README.md"]);
    assert_eq!(closed["validation/segmentation.svg"], first["validation/segmentation.svg"]);
}

#[test]
fn the_readme_states_whether_the_leaderboard_is_open_closed_or_frozen() {
    let readme = |view: BoardView| texts(&empty("Nuclei").with_board(view))["README.md"].clone();
    assert!(readme(four()).contains("\nOpen until 2026-04-30 23:59 UTC.\n"));
    let mut frozen = four();
    frozen.frozen = Some(Timestamp(0));
    assert!(readme(frozen).contains("UTC. Frozen: "));
    let mut view = four();
    view.generated_at = view.opens.minus(Duration::seconds(1));
    assert!(readme(view.clone()).contains("\nOpens 2026-02-01 00:00 UTC.\n"));
    view.generated_at = view.closes.plus(Duration::seconds(1));
    assert!(readme(view).contains("\nClosed 2026-04-30 23:59 UTC.\n"));
    assert!(readme(BoardView::sample_empty()).contains("No submission has a score yet."));
}

#[test]
fn hostile_names_stay_inert() {
    let hostile = "</title><script>alert('@all')</script> | [x](https://evil.example) #12 :tada: {#id}\n# h";
    let mut view = four();
    view.phase.title = hostile.to_owned();
    view.task.title = format!("deadbeef12 \u{202e}{hostile}");
    view.metrics[0].title = hostile.to_owned();
    view.metrics[1].name = MetricName::new("f1@0.5").unwrap();
    view.rows[0].team = TeamSlug::new("www.evil.example").unwrap();
    view.rows[1].team = TeamSlug::new("deadbeef1234567").unwrap();
    view.rows[2].team = TeamSlug::new("gh-12").unwrap();
    view.rows[3].team = TeamSlug::new("a_b_c.".to_owned() + &"m".repeat(57)).unwrap();
    let files = texts(&empty(hostile).with_board(view));
    insta::assert_snapshot!("publication-hostile-readme", files["README.md"]);
    let svg = &files["validation/segmentation.svg"];
    assert!(!svg.contains("<script") && !svg.contains('\u{202e}'));
    assert_eq!(svg.matches("</title>").count(), 1);
    assert!(svg.contains(">a_b_c.mmmmmmmmmmmmmmmmmm…</text>"), "{svg}");
}

/// The values of an attribute in all elements.
fn numbers(svg: &str, attribute: &str) -> Vec<f64> {
    let start = format!(" {attribute}=\"");
    let parts = svg.split(&start).skip(1);
    parts.map(|p| p.split('"').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn dots_stay_inside_the_plot_for_all_values() {
    for values in [
        vec![],
        vec![0.5],
        vec![0.0],
        vec![0.5, 0.5, 0.5],
        vec![0.0, 1.0],
        vec![-3.0, 1e9],
        vec![1e300, -1e300, 5e-324],
        vec![f64::INFINITY, 0.2],
        vec![f64::NAN],
        (0..60).map(|i| f64::from(i) / 60.0).collect(),
    ] {
        let svg = plot(teams(&values));
        let dots = numbers(&svg, "cx");
        let drawn = values.iter().filter(|v| !v.is_nan()).count();
        assert_eq!(dots.len(), drawn, "{values:?}");
        assert!(dots.iter().all(|x| (250.0..=620.0).contains(x)), "{values:?}: {dots:?}");
        assert!(!svg.contains("NaN\"") && !svg.contains("inf\""), "{svg}");
        assert!(svg.len() < 60_000, "{}", svg.len());
        let height = numbers(&svg, "height")[0];
        assert!(numbers(&svg, "cy").iter().all(|y| *y < height));
    }
}

#[test]
fn larger_values_are_further_right_and_equal_values_are_at_the_same_position() {
    let dots = numbers(&plot(teams(&[0.9, 0.7, 0.7, 0.2])), "cx");
    assert!(dots[0] > dots[1] && dots[1] == dots[2] && dots[2] > dots[3], "{dots:?}");
}

#[test]
fn the_description_has_the_values_in_words() {
    let svg = plot(four());
    assert!(svg.contains("<desc id=\"desc\">AP@0.5 of 4 teams by rank. 1. delta: 0.831; "));
    let mut view = four();
    view.rows[0].value = CellValue::new(1.0, 2);
    assert!(plot(view).contains("higher is better"));
}
