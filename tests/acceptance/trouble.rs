//! What goes wrong: a daemon that is away, a token that is taken away, things that somebody deletes,
//! locks or archives. Nothing is lost, and the rest goes on.

use referee::model::Outcome;
use serde_json::{Value, json};

use crate::challenge::{mistaken, worth};
use crate::copy::Copy;
use crate::looks::holds;
use crate::model::ForgeVersion;
use crate::place::at_each;
use crate::world::World;

#[test]
fn nothing_is_lost() {
    at_each(
        &[ForgeVersion::Gitea127, ForgeVersion::Forgejo10],
        |world| {
            let alpha = world.team("alpha", &["alice"]);
            let beta = world.team("beta", &["alice"]);
            let copy = world.clone_of("alice", &alpha);
            let other = world.clone_of("alice", &beta);
            the_daemon_is_away(world, (&alpha, &copy));
            what_is_deleted(world, (&alpha, &copy));
            a_locked_issue(world, (&alpha, &copy));
            an_archived_repository(world, (&alpha, &copy), (&beta, &other));
            a_token_that_was(world, (&beta, &other));
        },
    );
}

/// Pushes a mistake and waits until all is said about it.
fn is_told(world: &mut World, (team, repository, copy): (&str, &str, &Copy), text: &str) {
    let sha = mistaken(copy, text);
    copy.push_main();
    world.ends((team, &sha), Outcome::Rejected);
    world.until(&format!("{text}: the lamp should be red"), |world| {
        world.lamp(repository, &sha, ("referee/admission", "failure"))
    });
    world.until(&format!("{text}: the report should be there"), |world| {
        world.report_with(repository, &sha, "Rejected")
    });
}

fn the_daemon_is_away(world: &mut World, (alpha, copy): (&str, &Copy)) {
    world.daemon.stop();
    let sha = mistaken(copy, "nobody listens");
    copy.push_main();
    let before = world.lamps(alpha, &sha);
    assert!(
        before.is_empty(),
        "nobody is there to light a lamp: {before:?}"
    );
    world.start();
    world.ends(("alpha", &sha), Outcome::Rejected);
    world.until("the push should be told of", |world| {
        world.report_with(alpha, &sha, "Rejected")
    });
}

fn what_is_deleted(world: &mut World, (alpha, copy): (&str, &Copy)) {
    // A report goes while the submission is under way.
    let sha = worth(copy, "0.5", 3);
    copy.push_main();
    let report = world.until("the report should be there", |world| {
        world.report(alpha, &sha)
    });
    let path = format!("/repos/{alpha}/issues/comments/{}", report.id);
    world.call("owner", "DELETE", &path, &Value::Null);
    let record = world.submission("alpha", &sha).expect("a submission");
    assert_eq!(
        record.submission.outcome(),
        None,
        "it should still be under way"
    );
    world.ends(("alpha", &sha), Outcome::Scored);
    let again = world.until("the report should be written again", |world| {
        world.report_with(alpha, &sha, "0.500")
    });
    assert_ne!(again.id, report.id);

    // The whole issue goes.
    let issue = world.thread(alpha).expect("one issue");
    world.settle();
    world.call(
        "owner",
        "DELETE",
        &format!("/repos/{alpha}/issues/{issue}"),
        &Value::Null,
    );
    is_told(world, ("alpha", alpha, copy), "another issue is opened");
    let new = world.thread(alpha).expect("one issue");
    assert_ne!(new, issue);
}

fn a_locked_issue(world: &mut World, (alpha, copy): (&str, &Copy)) {
    let issue = world.thread(alpha).expect("one issue");
    let path = format!("/repos/{alpha}/issues/{issue}/lock");
    let (status, message) = world.ask("owner", "PUT", &path, &json!({ "lock_reason": "" }));
    // Old forges lock only from their pages.
    assert!(matches!(status, 204 | 404 | 405), "{status} {message}");
    is_told(
        world,
        ("alpha", alpha, copy),
        "a locked issue takes reports",
    );
    assert_eq!(world.thread(alpha), Ok(issue), "no other issue is opened");
    if status == 204 {
        let path = format!("/repos/{alpha}/issues/{issue}/comments");
        let (status, message) = world.ask("alice", "POST", &path, &json!({ "body": "/status" }));
        assert_eq!(
            status, 403,
            "who only reads issues is locked out: {message}"
        );
    }
}

fn archive(world: &World, repository: &str, archived: bool) {
    let path = format!("/repos/{repository}");
    world.call("owner", "PATCH", &path, &json!({ "archived": archived }));
}

fn an_archived_repository(world: &mut World, alpha: (&str, &Copy), beta: (&str, &Copy)) {
    let (repository, copy) = alpha;
    world.daemon.stop();
    let sha = mistaken(copy, "then it is archived");
    copy.push_main();
    archive(world, repository, true);
    world.start();
    world.ends(("alpha", &sha), Outcome::Rejected);
    is_told(world, ("beta", beta.0, beta.1), "the others go on");
    archive(world, repository, false);
    is_told(world, ("alpha", repository, copy), "it is back");
    world.until("what waited should be told", |world| {
        world.report_with(repository, &sha, "Rejected")
    });
}

fn a_token_that_was(world: &mut World, (beta, copy): (&str, &Copy)) {
    let sha = worth(copy, "0.25", 3);
    copy.push_main();
    world.until("it should be under way", |world| {
        world.lamp(beta, &sha, ("referee/admission", "success"))
    });
    let path = format!("/users/{}/tokens/first", world.login("bot"));
    world
        .api
        .must(&world.signed_in("bot"), ("DELETE", &path), &Value::Null);
    world.ends(("beta", &sha), Outcome::Scored);
    let missed = mistaken(copy, "while nobody may look");
    copy.push_main();
    world.until("the log should say it", |world| {
        let log = world.daemon.log();
        let told = log.matches("rejects our requests").count();
        holds(told == 1, format!("said {told} times"))
    });
    world.daemon.stop();
    assert_eq!(
        world.daemon.log().matches("rejects our requests").count(),
        1,
        "said once"
    );
    world.renew_bot();
    world.start();
    world.until("the score should be told with the new token", |world| {
        world.report_with(beta, &sha, "0.250")
    });
    world.until("the lamp should be green", |world| {
        world.lamp(beta, &sha, ("referee/validation/segmentation", "success"))
    });
    world.ends(("beta", &missed), Outcome::Rejected);
    world.until("what was pushed meanwhile should be told", |world| {
        world.report_with(beta, &missed, "Rejected")
    });
    world.settle();
}
