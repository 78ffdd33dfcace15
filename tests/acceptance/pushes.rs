//! Teams push: submissions with mistakes and valid ones, every operation of git on refs, and a renamed repository.

use referee::model::Outcome;

use crate::challenge::{mistaken, scoring};
use crate::copy::Copy;
use crate::instance::at_each;
use crate::model::ForgeVersion;
use crate::published::holds;
use crate::world::World;
use serde_json::json;

const CONTEXTS: [&str; 4] = ["referee/admission", "referee/build", "referee/smoke", "referee/validation/segmentation"];

#[test]
fn a_pushed_commit_is_evaluated_and_its_result_is_published() {
    at_each(&ForgeVersion::ALL, |world| {
        let alpha = world.team("alpha", &["alice"]);
        let copy = world.clone_of("alice", &alpha);
        mistakes_are_reported(world, &alpha, &copy);
        a_score_is_published(world, &alpha, &copy);
        a_renamed_repository_is_followed(world, &alpha);
    });
}

#[test]
fn every_operation_of_git_enters_each_commit_once() {
    at_each(&[ForgeVersion::Gitea124, ForgeVersion::Forgejo10], operations_of_git);
}

fn mistakes_are_reported(world: &mut World, alpha: &str, copy: &Copy) {
    let sha = mistaken(copy, "five mistakes");
    copy.push_main();
    let status = world
        .until("the admission should fail", |world| world.commit_status(alpha, &sha, "referee/admission", "failure"));
    assert!(status.url.starts_with(&world.daemon.url()), "{status:?}");
    let page = world.api.page(&status.url);
    assert_eq!(page, Ok(200), "the page of {status:?}");
    world.ends("alpha", &sha, Outcome::Rejected);
    let report = world.until("one comment should report it", |world| world.report_with(alpha, &sha, "Rejected"));
    for line in [1, 3, 4, 5, 6] {
        let link = format!("{}/{alpha}/src/commit/{sha}/Dockerfile#L{line}", world.api.root());
        assert!(report.text.contains(&link), "no {link} in\n{}", report.text);
    }
    let note = world.until("a note should report it", |world| world.note(alpha, &sha));
    assert!(note.contains("Rejected by the rules"), "{note}");
}

fn a_score_is_published(world: &mut World, alpha: &str, copy: &Copy) {
    let board = world.repository("leaderboard");
    let before = world.commits(&board);
    let sha = scoring(copy, "0.75", 0);
    copy.push_main();
    let first = world.until("a comment should appear at once", |world| world.report(alpha, &sha));
    world.ends("alpha", &sha, Outcome::Scored);
    for context in CONTEXTS {
        world.until(&format!("{context} should succeed"), |world| world.commit_status(alpha, &sha, context, "success"));
    }
    let last = world.until("the comment should show the score", |world| world.report_with(alpha, &sha, "0.750"));
    assert_eq!(first.id, last.id, "the bot edits its comment and writes no second one");
    world.until("the note should show the score", |world| {
        let note = world.note(alpha, &sha)?;
        holds(note.contains("0.750"), note)
    });
    world.until("the leaderboards should be committed once", |world| {
        let now = world.commits(&board);
        holds(now == before + 1, (before, now))
    });
    for (file, holding) in
        [("README.md", "alpha"), ("validation/segmentation.csv", "alpha"), ("validation/segmentation.svg", "<svg")]
    {
        let text = world.file(&board, file).expect("a file of the leaderboard");
        assert!(text.contains(holding), "{file} should hold {holding}:\n{text}");
    }
    // A submission that changes no leaderboard causes no commit.
    let sha = mistaken(copy, "no commit");
    copy.push_main();
    world.ends("alpha", &sha, Outcome::Rejected);
    world.settle();
    assert_eq!(world.waiting_messages(), Vec::<String>::new(), "no leaderboard waits for a commit");
    assert_eq!(world.commits(&board), before + 1, "the leaderboards have not changed");
}

/// Pushes, and waits until the commit is entered for a phase.
fn enters(world: &mut World, copy: &Copy, arguments: &[&str], sha: &str, phase: &str) {
    let pushed = copy.push(arguments);
    assert!(pushed.accepted, "{}", pushed.text);
    let expected = (sha.to_owned(), phase.to_owned());
    world.until(&format!("{arguments:?} should enter {expected:?}"), |world| {
        let all = world.entered("beta");
        holds(all.contains(&expected), all)
    });
}

fn operations_of_git(world: &mut World) {
    let beta = world.team("beta", &["alice"]);
    let copy = world.clone_of("alice", &beta);
    let main = ["--force", "origin", "HEAD:main"];

    // The branch moves to another commit and back again.
    let first = mistaken(&copy, "first");
    enters(world, &copy, &main, &first, "validation");
    copy.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    let second = mistaken(&copy, "second");
    enters(world, &copy, &main, &second, "validation");
    copy.git(&["reset", "--quiet", "--hard", &first]);
    let pushed = copy.push(&main);
    assert!(pushed.accepted, "{}", pushed.text);

    // An annotated tag, which then moves to another commit.
    copy.git(&["tag", "--annotate", "--message", "The last one", "final-1"]);
    enters(world, &copy, &["origin", "final-1"], &first, "test");
    let third = mistaken(&copy, "third");
    copy.git(&["tag", "--force", "final-1"]);
    let forced = ["--force", "origin", "final-1"];
    enters(world, &copy, &forced, &third, "test");

    // Names that a shell would execute. The branch fits no phase and submits nothing.
    let fourth = mistaken(&copy, "fourth");
    let branch = "HEAD:refs/heads/$(touch${IFS}x)";
    let pushed = copy.push(&["origin", branch]);
    assert!(pushed.accepted, "{}", pushed.text);
    let tag = "HEAD:refs/tags/final-$(touch${IFS}x);`id`";
    enters(world, &copy, &["origin", tag], &fourth, "test");

    // Submissions of deleted refs stay.
    let pushed = copy.push(&["origin", ":final-1", ":$(touch${IFS}x)"]);
    assert!(pushed.accepted, "{}", pushed.text);
    for sha in [&first, &second, &third, &fourth] {
        world.ends("beta", sha, Outcome::Rejected);
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
    assert_eq!(world.entered("beta"), expected, "each commit is entered once per phase");
    let issue = world.report_issue(&beta).expect("one issue");
    let reports = world.bot_comments(&beta, issue);
    for record in world.submissions("beta") {
        let number = record.submission.number;
        let marker = format!("<!-- referee:submission=nuclei#{number} -->");
        let mine = reports.iter().filter(|r| r.text.starts_with(&marker));
        assert_eq!(mine.count(), 1, "reports on #{number}: {reports:#?}");
    }
}

fn a_renamed_repository_is_followed(world: &mut World, alpha: &str) {
    let before = world.submissions("alpha").len();
    let path = format!("/repos/{alpha}");
    world.call("owner", "PATCH", &path, &json!({ "name": "team-renamed" }));
    let renamed = world.repository("team-renamed");
    let copy = world.clone_of("alice", &renamed);
    let sha = mistaken(&copy, "renamed");
    copy.push_main();
    let record = world.ends("alpha", &sha, Outcome::Rejected);
    world.until("the new name should be known", |world| {
        let known = world.read(world.store().repository(record.repository));
        holds(known.full_name == renamed, known.full_name)
    });
    assert_eq!(world.submissions("alpha").len(), before + 1);
    world.until("the commit status should be under the new name", |world| {
        world.commit_status(&renamed, &sha, "referee/admission", "failure")
    });
    world.until("the report should be under the new name", |world| world.report_with(&renamed, &sha, "Rejected"));
}
