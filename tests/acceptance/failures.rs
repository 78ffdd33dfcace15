//! Failures: the daemon is down, a token is revoked, and people delete, lock or archive things. No submission is lost,
//! and other teams are not affected.

use referee::model::Outcome;
use serde_json::{Value, json};

use crate::challenge::{mistaken, scoring};
use crate::copy::Copy;
use crate::instance::at_each;
use crate::model::ForgeVersion;
use crate::published::holds;
use crate::world::World;

/// A team with its repository and a working copy of it.
struct Team<'a> {
    name: &'a str,
    repository: &'a str,
    copy: &'a Copy,
}

#[test]
fn no_failure_loses_a_submission() {
    at_each(&[ForgeVersion::Gitea127, ForgeVersion::Forgejo10], |world| {
        let [alpha, beta] = ["alpha", "beta"].map(|name| world.team(name, &["alice"]));
        let [first, second] = [&alpha, &beta].map(|name| world.clone_of("alice", name));
        let alpha = Team { name: "alpha", repository: &alpha, copy: &first };
        let beta = Team { name: "beta", repository: &beta, copy: &second };
        the_daemon_is_down(world, &alpha);
        a_report_and_its_issue_are_deleted(world, &alpha);
        an_issue_is_locked(world, &alpha);
        a_repository_is_archived(world, &alpha, &beta);
        a_token_is_revoked(world, &beta);
    });
}

/// Pushes a commit that admission refuses, and waits until its result is published.
fn assert_published(world: &mut World, team: &Team<'_>, text: &str) {
    let sha = mistaken(team.copy, text);
    team.copy.push_main();
    world.ends(team.name, &sha, Outcome::Rejected);
    world.until(&format!("{text}: the admission should fail"), |world| {
        world.commit_status(team.repository, &sha, "referee/admission", "failure")
    });
    world.until(&format!("{text}: there should be a report"), |world| {
        world.report_with(team.repository, &sha, "Rejected")
    });
}

fn the_daemon_is_down(world: &mut World, alpha: &Team<'_>) {
    world.daemon.stop();
    let sha = mistaken(alpha.copy, "no daemon");
    alpha.copy.push_main();
    let before = world.commit_statuses(alpha.repository, &sha);
    assert!(before.is_empty(), "the daemon is down: {before:?}");
    world.start();
    world.ends("alpha", &sha, Outcome::Rejected);
    world.until("there should be a report", |world| world.report_with(alpha.repository, &sha, "Rejected"));
}

fn a_report_and_its_issue_are_deleted(world: &mut World, alpha: &Team<'_>) {
    let repository = alpha.repository;
    // The report is deleted while the submission is in progress.
    let sha = scoring(alpha.copy, "0.5", 3);
    alpha.copy.push_main();
    let report = world.until("there should be a report", |world| world.report(repository, &sha));
    let path = format!("/repos/{repository}/issues/comments/{}", report.id);
    world.call("owner", "DELETE", &path, &Value::Null);
    let record = world.submission("alpha", &sha).expect("a submission");
    assert_eq!(record.submission.outcome(), None, "the submission should still be in progress");
    world.ends("alpha", &sha, Outcome::Scored);
    let again = world.until("the report should be written again", |world| world.report_with(repository, &sha, "0.500"));
    assert_ne!(again.id, report.id);

    // The whole issue is deleted.
    let issue = world.report_issue(repository).expect("one issue");
    world.settle();
    let path = format!("/repos/{repository}/issues/{issue}");
    world.call("owner", "DELETE", &path, &Value::Null);
    assert_published(world, alpha, "another issue is opened");
    let new = world.report_issue(repository).expect("one issue");
    assert_ne!(new, issue);
}

fn an_issue_is_locked(world: &mut World, alpha: &Team<'_>) {
    let repository = alpha.repository;
    let issue = world.report_issue(repository).expect("one issue");
    let path = format!("/repos/{repository}/issues/{issue}/lock");
    let (status, message) = world.ask("owner", "PUT", &path, &json!({ "lock_reason": "" }));
    // Old forges have no API for this lock.
    assert!(matches!(status, 204 | 404 | 405), "{status} {message}");
    assert_published(world, alpha, "a locked issue takes reports");
    let same = world.report_issue(repository);
    assert_eq!(same, Ok(issue), "no other issue is opened");
    if status == 204 {
        let path = format!("/repos/{repository}/issues/{issue}/comments");
        let (status, message) = world.ask("alice", "POST", &path, &json!({ "body": "/status" }));
        assert_eq!(status, 403, "a person without write access to issues cannot comment: {message}");
    }
}

fn archive(world: &World, repository: &str, archived: bool) {
    let path = format!("/repos/{repository}");
    world.call("owner", "PATCH", &path, &json!({ "archived": archived }));
}

fn a_repository_is_archived(world: &mut World, alpha: &Team<'_>, beta: &Team<'_>) {
    world.daemon.stop();
    let sha = mistaken(alpha.copy, "before the archiving");
    alpha.copy.push_main();
    archive(world, alpha.repository, true);
    world.start();
    world.ends("alpha", &sha, Outcome::Rejected);
    assert_published(world, beta, "other teams are not affected");
    archive(world, alpha.repository, false);
    assert_published(world, alpha, "after the archiving");
    world.until("the delayed report should be written", |world| world.report_with(alpha.repository, &sha, "Rejected"));
}

fn a_token_is_revoked(world: &mut World, beta: &Team<'_>) {
    let sha = scoring(beta.copy, "0.25", 3);
    beta.copy.push_main();
    world.until("the admission should succeed", |world| {
        world.commit_status(beta.repository, &sha, "referee/admission", "success")
    });
    let path = format!("/users/{}/tokens/first", world.login("bot"));
    let bot = world.signed_in("bot");
    world.api.must(&bot, "DELETE", &path, &Value::Null);
    world.ends("beta", &sha, Outcome::Scored);
    let missed = mistaken(beta.copy, "pushed without a token");
    beta.copy.push_main();
    let logged = |world: &World| world.daemon.log().matches("rejects the requests of Referee").count();
    world.until("the log should report the token once", |world| {
        holds(logged(world) == 1, format!("{} times", logged(world)))
    });
    world.daemon.stop();
    assert_eq!(logged(world), 1, "the log reports the token once");
    world.renew_bot();
    world.start();
    world.until("the report should show the score", |world| world.report_with(beta.repository, &sha, "0.250"));
    let context = "referee/validation/segmentation";
    world.until("the commit status should succeed", |world| {
        world.commit_status(beta.repository, &sha, context, "success")
    });
    world.ends("beta", &missed, Outcome::Rejected);
    world.until("there should be a report on the missed push", |world| {
        world.report_with(beta.repository, &missed, "Rejected")
    });
    world.settle();
}
