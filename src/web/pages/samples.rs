//! Every page with sample data: for the eyes of whoever changes a template.

use super::{ErrorView, RuleDoc, board, challenge, error, home, rules, submission};
use crate::model::Severity;
use crate::report::{BoardView, HomeView, SubmissionView};

const VERSION: &str = "0.1.0";

/// Names fit for files, and whole documents.
pub fn render_all_samples() -> Vec<(String, String)> {
    let list = HomeView::sample();
    let mut pages = vec![
        ("home".to_owned(), home(&list, VERSION)),
        ("board".to_owned(), board(&BoardView::sample(), VERSION)),
        (
            "board-empty".to_owned(),
            board(&BoardView::sample_empty(), VERSION),
        ),
        ("rules".to_owned(), rules(&RULES, VERSION)),
        ("error".to_owned(), error(&ErrorView::not_found(), VERSION)),
        (
            "error-internal".to_owned(),
            error(&ErrorView::internal("7f3a9c"), VERSION),
        ),
    ];
    pages.extend(
        list.challenges
            .first()
            .map(|c| ("challenge".to_owned(), challenge(c, VERSION))),
    );
    let submissions = SubmissionView::samples();
    pages.extend(
        submissions
            .iter()
            .map(|(name, view)| (format!("submission-{name}"), submission(view, VERSION))),
    );
    let texts = pages.into_iter();
    texts
        .map(|(name, page)| (name, page.into_string()))
        .collect()
}

/// Three rules as they might be.
const RULES: [RuleDoc<'static>; 3] = [
    RuleDoc {
        code: "SRC004",
        severity: Severity::Error,
        firm: true,
        title: "No submodules",
        remedy: "Copy the files into the repository, for example with `git subtree add`.",
        why: "A submodule is only a pointer to another repository; it is not fetched, so its \
              directory would be empty.",
        bad: "",
        good: "",
    },
    RuleDoc {
        code: "DF020",
        severity: Severity::Error,
        firm: true,
        title: "ADD is not allowed",
        remedy: "Use COPY: ADD can fetch URLs and unpack archives.",
        why: "The engine itself fetches what ADD names, outside all limits of the build and with \
              its own network; archives are unpacked without a bound.",
        bad: "ADD https://data.example/weights.tar.gz /app/",
        good: "COPY weights.tar.gz /app/\nRUN tar -xzf /app/weights.tar.gz -C /app",
    },
    RuleDoc {
        code: "DF041",
        severity: Severity::Warning,
        firm: false,
        title: "The container does not run as root",
        remedy: "Add `USER 1000` before the ENTRYPOINT, and try the image with it.",
        why: "Containers run as an unprivileged user whatever the image says; a program that \
              expects to be root finds out too late.",
        bad: "USER root",
        good: "USER 1000:1000",
    },
];
