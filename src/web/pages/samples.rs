//! All pages with sample data, for tests and for people who change a template: a test writes them to `target/pages`.

use super::{ErrorView, board, challenge, error, home, rules, submission};
use crate::report::{BoardView, HomeView, SubmissionView};
use crate::rules::RULES;

const VERSION: &str = "0.1.0";

/// The name and the document of every page. Names can be file names.
pub(super) fn render_all_samples() -> Vec<(String, String)> {
    let list = HomeView::sample();
    let mut pages = vec![
        ("home".to_owned(), home(&list, VERSION)),
        ("board".to_owned(), board(&BoardView::sample(), VERSION)),
        ("board-empty".to_owned(), board(&BoardView::sample_empty(), VERSION)),
        ("rules".to_owned(), rules(RULES, VERSION)),
        ("error".to_owned(), error(&ErrorView::not_found(), VERSION)),
        ("error-internal".to_owned(), error(&ErrorView::internal("7f3a9c"), VERSION)),
    ];
    pages.extend(list.challenges.first().map(|c| ("challenge".to_owned(), challenge(c, VERSION))));
    let submissions = SubmissionView::samples();
    pages.extend(submissions.iter().map(|(name, view)| (format!("submission-{name}"), submission(view, VERSION))));
    pages.into_iter().map(|(name, page)| (name, page.into_string())).collect()
}
