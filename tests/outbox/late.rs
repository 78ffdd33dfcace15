//! A forge that executes a request long after Referee gave up waiting, and a daemon that ends after a request and
//! before it stores the result.

use std::time::Duration as StdDuration;

use referee::model::Duration;
use serde_json::{Value, json};

use crate::model::ForgeVersion;
use crate::model::fault_injection::{Fault, Script, When};
use crate::world::{Plan, World};

fn next(path: &str, fault: Fault) -> Script {
    Script { method: "POST", path: path.to_owned(), fault, when: When::After, times: 1 }
}

/// A world with two comments of one report: the forge delayed the first request, answered the second one, and then
/// executed the first one.
async fn reported_twice() -> (World, referee::model::SubmissionId) {
    let world = World::start(Plan::new(ForgeVersion::Gitea127, 1)).await;
    let id = world.submit(0).await;
    world.forge.faults().script(next("/comments", Fault::Late));
    world.admitted(id).await;
    world.send_for(5, Duration::seconds(2)).await;
    assert_eq!(world.reports(id).await.len(), 1);
    assert_eq!(world.forge.catch_up().await, 1);
    assert_eq!(world.reports(id).await.len(), 2);
    (world, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_comment_is_deleted_by_the_next_edit() {
    let (world, id) = reported_twice().await;
    world.built(id).await;
    world.send_for(5, Duration::seconds(2)).await;
    world.assert_report(id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_comment_is_deleted_without_an_edit() {
    let (world, id) = reported_twice().await;
    let before = world.app.context.clock.now();
    world.settle().await;
    world.assert_report(id).await;
    assert!(world.app.context.clock.now().since(before) <= Duration::seconds(60));
    // Later, Referee checks no more.
    let asked = world.forge.asked().len();
    world.advance(Duration::seconds(3600));
    assert!(!world.send().await);
    assert_eq!(world.forge.asked().len(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_that_was_written_without_an_answer_is_found() {
    let world = World::start(Plan::new(ForgeVersion::Gitea124, 1)).await;
    for fault in
        [Fault::Hang, Fault::Status(502), Fault::Redirect, Fault::Later(503, 1), Fault::LostRace, Fault::Revoked]
    {
        let id = world.submit(0).await;
        world.forge.faults().script(next("/comments", fault.clone()));
        world.admitted(id).await;
        world.settle().await;
        world.assert_report(id).await;
        let posts = world.forge.asked().into_iter();
        let posts = posts.filter(|a| a.method == "POST" && a.path.ends_with("/comments"));
        assert_eq!(posts.count(), usize::try_from(id.0).unwrap(), "{fault:?}");
    }
}

/// Ends the daemon while it waits for the answer to a request that the forge does, or puts off.
async fn ended_while(path: &str, fault: Fault) -> (World, referee::model::SubmissionId) {
    let plan = Plan { patience: Duration::seconds(60), ..Plan::new(ForgeVersion::Gitea127, 1) };
    let mut world = World::start(plan).await;
    let id = world.submit(0).await;
    world.admitted(id).await;
    world.forge.faults().script(next(path, fault));
    let waits = || {
        let asked = world.forge.asked();
        asked.iter().any(|a| a.status.is_none() && a.path.ends_with(path))
    };
    tokio::select! {
        _ = world.send() => panic!("the request was answered"),
        () = async {
            while !waits() {
                tokio::time::sleep(StdDuration::from_millis(5)).await;
            }
        } => {}
    }
    world.restart().await;
    (world, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_ends_after_a_comment_was_written_writes_no_second_one() {
    let (world, id) = ended_while("/comments", Fault::Hang).await;
    assert_eq!(world.reports(id).await.len(), 1);
    world.settle().await;
    world.assert_report(id).await;
    let asked = world.forge.asked();
    let deleted = asked.iter().filter(|a| a.method == "DELETE").count();
    assert_eq!(deleted, 0, "the first comment stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_ends_before_a_comment_was_written_leaves_one_comment() {
    let (world, id) = ended_while("/comments", Fault::Late).await;
    world.send_for(3, Duration::seconds(2)).await;
    assert_eq!(world.reports(id).await.len(), 1);
    assert_eq!(world.forge.catch_up().await, 1);
    world.settle().await;
    world.assert_report(id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_ends_after_an_issue_was_opened_opens_no_second_one() {
    let (world, id) = ended_while("/issues", Fault::Hang).await;
    world.settle().await;
    world.assert_report(id).await;
    assert_eq!(world.issues(0).len(), 1);
}

/// A world with two issues of Referee: the forge delayed the first request, answered the second one, and then executed
/// the first one. A person has opened an issue with the same marker before.
async fn opened_twice(version: ForgeVersion) -> (World, referee::model::SubmissionId) {
    let world = World::start(Plan::new(version, 1)).await;
    let body = json!({"title": "Referee", "body": "<!-- referee:thread -->"});
    let path = "/repos/nuclei/team-000/issues";
    let (status, _) = world.forge.api("alice", "POST", path, &body).await;
    assert_eq!(status, 201);
    let id = world.submit(0).await;
    world.forge.faults().script(next("/issues", Fault::Late));
    world.admitted(id).await;
    world.send_for(5, Duration::seconds(2)).await;
    assert_eq!(world.issues(0).len(), 2);
    assert_eq!(world.forge.catch_up().await, 1);
    assert_eq!(world.issues(0).len(), 3);
    (world, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_issue_is_closed_and_links_to_the_first_one() {
    for version in ForgeVersion::ALL {
        let (world, id) = opened_twice(version).await;
        world.settle().await;
        world.assert_report(id).await;
        let issues = world.issues(0);
        let closed: Vec<bool> = issues.iter().map(|i| i.closed.is_some()).collect();
        let issues_of = "the issue of alice, the issue of Referee, its duplicate";
        assert_eq!(closed, [false, false, true], "{issues_of}");
        assert!(issues[2].body.ends_with("Reports are in #2."), "{issues:?}");
        // Referee never uses the duplicate again, even if the right issue is deleted.
        let path = "/repos/nuclei/team-000/issues/2";
        let (status, _) = world.forge.api("owner", "DELETE", path, &Value::Null).await;
        assert_eq!(status, 204);
        world.crashed(id).await;
        world.settle().await;
        world.assert_report(id).await;
        assert_eq!(world.issues(0).last().unwrap().number, 4);
        let asked = world.forge.asked().len();
        world.advance(Duration::seconds(3600));
        assert!(!world.send().await);
        assert_eq!(world.forge.asked().len(), asked);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_issue_with_a_comment_of_referee_stays_open() {
    let (world, id) = opened_twice(ForgeVersion::Gitea127).await;
    let path = "/repos/nuclei/team-000/issues/3/comments";
    let comment = json!({"body": "An answer."});
    let (status, _) = world.forge.api("referee", "POST", path, &comment).await;
    assert_eq!(status, 201);
    world.settle().await;
    world.assert_report(id).await;
    assert!(world.issues(0).iter().all(|issue| issue.closed.is_none()));
}
