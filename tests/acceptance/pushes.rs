//! Teams push: what is wrong, what is well, what git can do to a repository, and another name for it.

use referee::model::Outcome;

use crate::challenge::{mistaken, worth};
use crate::copy::Copy;
use crate::looks::holds;
use crate::model::ForgeVersion;
use crate::place::at_each;
use crate::world::World;
use serde_json::json;

const LAMPS: [&str; 4] = [
    "referee/admission",
    "referee/build",
    "referee/smoke",
    "referee/validation/segmentation",
];

#[test]
fn what_is_pushed_is_judged_and_shown() {
    at_each(&ForgeVersion::ALL, |world| {
        let alpha = world.team("alpha", &["alice"]);
        let copy = world.clone_of("alice", &alpha);
        mistakes_are_told(world, (&alpha, &copy));
        a_score_is_shown(world, (&alpha, &copy));
        another_name(world, &alpha);
    });
}

#[test]
fn whatever_git_can_do_enters_each_commit_once() {
    at_each(
        &[ForgeVersion::Gitea124, ForgeVersion::Forgejo10],
        what_git_can_do,
    );
}

fn mistakes_are_told(world: &mut World, (alpha, copy): (&str, &Copy)) {
    let sha = mistaken(copy, "five mistakes");
    copy.push_main();
    let lamp = world.until("the rules should be red", |world| {
        world.lamp(alpha, &sha, ("referee/admission", "failure"))
    });
    assert!(lamp.url.starts_with(&world.daemon.url()), "{lamp:?}");
    assert_eq!(world.api.page(&lamp.url), Ok(200), "the page of {lamp:?}");
    world.ends(("alpha", &sha), Outcome::Rejected);
    let report = world.until("one comment should tell of it", |world| {
        world.report_with(alpha, &sha, "Rejected")
    });
    for line in [1, 3, 4, 5, 6] {
        let link = format!(
            "{}/{alpha}/src/commit/{sha}/Dockerfile#L{line}",
            world.api.root()
        );
        assert!(report.text.contains(&link), "no {link} in\n{}", report.text);
    }
    let note = world.until("a note should tell of it", |world| world.note(alpha, &sha));
    assert!(note.contains("Rejected by the rules"), "{note}");
}

fn a_score_is_shown(world: &mut World, (alpha, copy): (&str, &Copy)) {
    let board = world.repository("leaderboard");
    let before = world.commits(&board);
    let sha = worth(copy, "0.75", 0);
    copy.push_main();
    let first = world.until("a comment should appear at once", |world| {
        world.report(alpha, &sha)
    });
    world.ends(("alpha", &sha), Outcome::Scored);
    for name in LAMPS {
        world.until(&format!("{name} should be green"), |world| {
            world.lamp(alpha, &sha, (name, "success"))
        });
    }
    let last = world.until("the comment should have the score", |world| {
        world.report_with(alpha, &sha, "0.750")
    });
    assert_eq!(
        first.id, last.id,
        "the comment is edited, not written again"
    );
    world.until("the note should have the score", |world| {
        let note = world.note(alpha, &sha)?;
        holds(note.contains("0.750"), note)
    });
    world.until("the boards should be committed once", |world| {
        let now = world.commits(&board);
        holds(now == before + 1, (before, now))
    });
    for (file, holding) in [
        ("README.md", "alpha"),
        ("validation/segmentation.csv", "alpha"),
        ("validation/segmentation.svg", "<svg"),
    ] {
        let text = world.file(&board, file).expect("a file of the board");
        assert!(
            text.contains(holding),
            "{file} should hold {holding}:\n{text}"
        );
    }
    // What changes no board is no commit.
    let sha = mistaken(copy, "no commit");
    copy.push_main();
    world.ends(("alpha", &sha), Outcome::Rejected);
    world.settle();
    assert_eq!(
        world.waiting(),
        Vec::<String>::new(),
        "no board waits to be written"
    );
    assert_eq!(
        world.commits(&board),
        before + 1,
        "nothing has changed on the boards"
    );
}

/// Pushes and waits until the commit is known.
fn enters(world: &mut World, copy: &Copy, arguments: &[&str], (sha, phase): (&str, &str)) {
    let pushed = copy.push(arguments);
    assert!(pushed.accepted, "{}", pushed.text);
    let expected = (sha.to_owned(), phase.to_owned());
    world.until(
        &format!("{arguments:?} should enter {expected:?}"),
        |world| {
            let all = world.entered("beta");
            holds(all.contains(&expected), all)
        },
    );
}

fn what_git_can_do(world: &mut World) {
    let beta = world.team("beta", &["alice"]);
    let copy = world.clone_of("alice", &beta);
    let main = ["--force", "origin", "HEAD:main"];

    // There, elsewhere, and back again.
    let first = mistaken(&copy, "first");
    enters(world, &copy, &main, (&first, "validation"));
    copy.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    let second = mistaken(&copy, "second");
    enters(world, &copy, &main, (&second, "validation"));
    copy.git(&["reset", "--quiet", "--hard", &first]);
    let pushed = copy.push(&main);
    assert!(pushed.accepted, "{}", pushed.text);

    // A tag with an object of its own, which then names another commit.
    copy.git(&["tag", "--annotate", "--message", "The last one", "final-1"]);
    enters(world, &copy, &["origin", "final-1"], (&first, "test"));
    let third = mistaken(&copy, "third");
    copy.git(&["tag", "--force", "final-1"]);
    enters(
        world,
        &copy,
        &["--force", "origin", "final-1"],
        (&third, "test"),
    );

    // Names that a shell would run; a branch that fits no phase submits nothing.
    let fourth = mistaken(&copy, "fourth");
    let branch = "HEAD:refs/heads/$(touch${IFS}x)";
    let pushed = copy.push(&["origin", branch]);
    assert!(pushed.accepted, "{}", pushed.text);
    let tag = "HEAD:refs/tags/final-$(touch${IFS}x);`id`";
    enters(world, &copy, &["origin", tag], (&fourth, "test"));

    // What is deleted leaves its submissions behind.
    let pushed = copy.push(&["origin", ":final-1", ":$(touch${IFS}x)"]);
    assert!(pushed.accepted, "{}", pushed.text);
    for sha in [&first, &second, &third, &fourth] {
        world.ends(("beta", sha), Outcome::Rejected);
    }
    world.settle();
    let pair = |sha: &String, phase: &str| (sha.clone(), phase.to_owned());
    let expected = [
        pair(&first, "validation"),
        pair(&second, "validation"),
        pair(&first, "test"),
        pair(&third, "test"),
        pair(&fourth, "test"),
    ];
    assert_eq!(
        world.entered("beta"),
        expected,
        "each commit once for each phase"
    );
    let issue = world.thread(&beta).expect("one issue");
    let reports = world.said(&beta, issue);
    let marked = |number: i64| format!("<!-- referee:submission=nuclei#{number} -->");
    for record in world.submissions("beta") {
        let mark = marked(record.submission.number);
        let count = reports.iter().filter(|r| r.text.starts_with(&mark)).count();
        assert_eq!(count, 1, "reports on {:?}: {reports:#?}", record.submission);
    }
}

fn another_name(world: &mut World, alpha: &str) {
    let before = world.submissions("alpha").len();
    let path = format!("/repos/{alpha}");
    world.call("owner", "PATCH", &path, &json!({ "name": "team-renamed" }));
    let renamed = world.repository("team-renamed");
    let copy = world.clone_of("alice", &renamed);
    let sha = mistaken(&copy, "under another name");
    copy.push_main();
    let record = world.ends(("alpha", &sha), Outcome::Rejected);
    world.until("the new name should be known", |world| {
        let known = world.read(world.store().repository(record.repository));
        holds(known.full_name == renamed, known.full_name)
    });
    assert_eq!(world.submissions("alpha").len(), before + 1);
    world.until("the lamp should be under the new name", |world| {
        world.lamp(&renamed, &sha, ("referee/admission", "failure"))
    });
    world.until("the report should be under the new name", |world| {
        world.report_with(&renamed, &sha, "Rejected")
    });
}
