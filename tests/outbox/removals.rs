//! The forge takes something away: tokens are revoked, and repositories, issues and comments are archived, renamed or
//! deleted.

use referee::model::{Duration, SubmissionId, limits};
use referee::pipeline::{observe, outbox};
use referee::store::TextRef;
use serde_json::Value;

use crate::model::ForgeVersion;
use crate::model::state::Token;
use crate::world::{Plan, World};
use crate::{log, secrets};

async fn world(teams: usize) -> World {
    World::start(Plan::new(ForgeVersion::Gitea127, teams)).await
}

/// A submission of the first team that passed admission, with its report on the forge.
async fn reported(world: &World) -> SubmissionId {
    reported_of(world, 0).await
}

async fn reported_of(world: &World, team: usize) -> SubmissionId {
    let id = world.submit(team).await;
    world.admitted(id).await;
    world.settle().await;
    world.assert_report(id).await;
    id
}

fn repository(world: &World, team: usize) -> i64 {
    world.teams[team].forge_id.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_logged_once_and_loses_nothing() {
    let world = world(8).await;
    let logged = |text: &str| log::lines(&[world.name.as_str(), text]);
    let mut all = Vec::new();
    for team in 0..8 {
        let id = world.submit(team).await;
        world.admitted(id).await;
        all.push(id);
    }
    world.settle().await;
    world.forge.revoke(&world.token);
    for (team, id) in all.iter().enumerate() {
        world.built(*id).await;
        // Referee may give up a reaction for other reasons, but not for this one.
        let at = TextRef {
            forge: world.name.clone(),
            forge_id: world.teams[team].forge_id.clone(),
            issue: 1,
            comment_id: world.reports(*id).await[0].id,
        };
        let message = outbox::reaction(&at, world.app.context.clock.now());
        let put = world.app.context.store.enqueue(&message, world.app.context.clock.now());
        put.await.unwrap();
    }
    let before = world.forge.asked().len();
    world.send_for(300, Duration::seconds(2)).await;
    assert_eq!(logged("rejects the requests of Referee"), 1);
    assert_eq!(logged("answers again"), 0);
    let asked = world.forge.asked().len() - before;
    assert!(asked < 100, "{asked} requests in ten minutes with a revoked token");
    assert!(world.messages().await.iter().all(|message| message.last_error.is_none() || message.is_due));

    let account = world.forge.state().account_named("referee").unwrap().id;
    world.forge.state().tokens.push(Token {
        id: 0,
        name: String::new(),
        account,
        secret: world.token.clone(),
        scopes: vec!["all".to_owned()],
    });
    world.settle().await;
    for id in &all {
        world.assert_report(*id).await;
        world.assert_statuses(*id).await;
    }
    assert_eq!(logged("answers again"), 1);
    assert_eq!(logged("rejects the requests of Referee"), 1);
    let received = world.forge.asked().into_iter();
    let received = received.filter(|a| a.path.ends_with("/reactions") && a.status == Some(201));
    assert_eq!(received.count(), 8);
    secrets::assert_kept(&world).await;
}

fn archive(world: &World, at: Option<i64>) {
    let id = repository(world, 0);
    world.forge.state().repository_mut(id).archived = at;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_repository_gets_statuses_at_once_and_its_report_when_it_is_unarchived() {
    for version in ForgeVersion::ALL {
        let world = World::start(Plan::new(version, 2)).await;
        let id = world.submit(0).await;
        archive(&world, Some(1));
        world.admitted(id).await;
        world.send_for(5, Duration::seconds(2)).await;
        world.crashed(id).await;
        world.send_for(30, Duration::seconds(2)).await;
        world.assert_statuses(id).await;
        assert!(world.reports(id).await.is_empty());
        let report = world.message("report").await;
        assert!(report.is_due);
        assert!(report.last_error.unwrap().contains("archived"));
        // Other repositories do not wait, and Referee tries this one again once an hour.
        let other = world.submit(1).await;
        world.rejected(other).await;
        world.send_for(5, Duration::seconds(2)).await;
        world.assert_published(other).await;
        let before = world.forge.asked().len();
        world.send_for(6, Duration::seconds(3600)).await;
        let asked = world.forge.asked().len() - before;
        assert!(asked < 6 * 20, "{asked} requests in six hours");
        assert!(world.reports(id).await.is_empty());
        assert_eq!(log::lines(&[world.name.as_str(), "rejects the requests of Referee"]), 0);

        // The sweep sees that the repository is writable again, and Referee sends the report at once.
        world.send().await;
        observe::sweep(&world.app.context, &world.app.forges).await.unwrap();
        assert!(!world.send().await, "the repository is still archived");
        archive(&world, None);
        observe::sweep(&world.app.context, &world.app.forges).await.unwrap();
        world.send_for(3, Duration(0)).await;
        world.assert_report(id).await;
        world.settle().await;
        world.assert_published(id).await;
        let posts = world.forge.asked().into_iter();
        let posts = posts.filter(|a| a.path.ends_with("/comments") && a.status == Some(201));
        assert_eq!(posts.count(), 2, "the last text only");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_logged_once_even_if_no_message_is_due() {
    let world = world(3).await;
    observe::sweep(&world.app.context, &world.app.forges).await.unwrap();
    let logged = |text: &str| log::lines(&[world.name.as_str(), text]);
    let revoked = {
        let mut state = world.forge.state();
        let at = state.tokens.iter().position(|t| t.secret == world.token);
        state.tokens.remove(at.unwrap())
    };
    let before = world.forge.asked().len();
    for _ in 0..30 {
        world.advance(limits::SWEEP_INTERVAL);
        observe::sweep(&world.app.context, &world.app.forges).await.unwrap();
    }
    assert_eq!(logged("rejects the requests of Referee"), 1);
    let help = ["ERROR", world.name.as_str(), "token-file"];
    assert_eq!(log::lines(&help), 1, "the line names the setting to fix");
    assert_eq!(logged("not listed") + logged("answers again"), 0);
    let asked = world.forge.asked().len() - before;
    assert!(asked < 3 * 30, "{asked} requests in half an hour with a revoked token");

    world.forge.state().tokens.push(revoked);
    for _ in 0..3 {
        world.advance(limits::SWEEP_INTERVAL);
        observe::sweep(&world.app.context, &world.app.forges).await.unwrap();
    }
    assert_eq!(logged("rejects the requests of Referee"), 1);
    assert_eq!(logged("answers again"), 1);
    reported_of(&world, 0).await;
}

/// Removes a commit from a repository, as the garbage collection of a forge does after a forced push.
async fn remove_commit(world: &World, id: SubmissionId) {
    let view = world.view(id).await;
    let sha = view.origin.sha().unwrap().as_str().to_owned();
    let folder = world.forge.state().git_folder(repository(world, 0));
    let object = folder.join("objects").join(&sha[..2]).join(&sha[2..]);
    std::fs::remove_file(object).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_of_a_removed_commit_are_given_up() {
    for version in ForgeVersion::ALL {
        let world = World::start(Plan::new(version, 2)).await;
        let id = world.submit(0).await;
        world.admitted(id).await;
        world.settle().await;
        let next = world.submit(0).await;
        remove_commit(&world, id).await;
        world.crashed(id).await;
        let before = world.app.context.clock.now();
        world.settle().await;
        let took = world.app.context.clock.now().since(before);
        assert!(took < Duration::seconds(300), "{}", took.compact());
        // The report needs no commit.
        world.assert_report(id).await;
        let lost = ["not published; given up", "status", "no longer has this commit"];
        let subject = format!("commit {}", world.teams[0].id);
        let all = world.messages().await;
        let gone = |row: &&crate::world::MessageRow| {
            let error = row.last_error.as_deref();
            error.is_some_and(|error| error.contains(lost[2]))
        };
        let gone: Vec<_> = all.iter().filter(gone).collect();
        assert!(gone.iter().any(|row| row.channel == "status"), "{all:?}");
        assert!(log::lines(&[&lost[..], &[&subject]].concat()) > 0);
        assert_eq!(log::lines(&[world.name.as_str(), "rejects the requests of Referee"]), 0);
        // Other messages are not affected.
        world.rejected(next).await;
        world.settle().await;
        world.assert_published(next).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_issue_is_opened_again() {
    let world = world(1).await;
    let id = reported(&world).await;
    let path = "/repos/nuclei/team-000/issues/1";
    let (status, _) = world.forge.api("owner", "DELETE", path, &Value::Null).await;
    assert_eq!(status, 204);
    world.crashed(id).await;
    world.settle().await;
    world.assert_published(id).await;
    let issues = world.issues(0);
    assert_eq!((issues.len(), issues[0].number), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_that_is_deleted_before_the_first_report_is_opened_again() {
    let world = world(1).await;
    reported(&world).await;
    let path = "/repos/nuclei/team-000/issues/1";
    world.forge.api("owner", "DELETE", path, &Value::Null).await;
    let second = reported(&world).await;
    world.assert_statuses(second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_comment_is_written_again() {
    let world = world(1).await;
    let id = reported(&world).await;
    let comment = world.reports(id).await[0].id;
    let path = format!("/repos/nuclei/team-000/issues/comments/{comment}");
    let (status, _) = world.forge.api("owner", "DELETE", &path, &Value::Null).await;
    assert_eq!(status, 204);
    world.crashed(id).await;
    world.settle().await;
    world.assert_published(id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_repository_is_followed() {
    for version in ForgeVersion::ALL {
        let world = World::start(Plan::new(version, 1)).await;
        let id = reported(&world).await;
        world.forge.state().rename(repository(&world, 0), "team-otherwise");
        world.crashed(id).await;
        world.settle().await;
        world.assert_published(id).await;
        let row = world.app.context.store.repository(world.teams[0].id).await.unwrap();
        assert_eq!(row.full_name, "nuclei/team-otherwise");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_for_a_deleted_repository_end_with_an_error() {
    for version in ForgeVersion::ALL {
        let world = World::start(Plan::new(version, 2)).await;
        let id = reported(&world).await;
        let gone = repository(&world, 0);
        world.forge.state().repositories.retain(|r| r.id != gone);
        world.crashed(id).await;
        let before = world.app.context.clock.now();
        world.settle().await;
        let took = world.app.context.clock.now().since(before);
        assert!(took < Duration::seconds(3600), "{}", took.compact());
        for message in world.messages().await.iter().filter(|message| message.channel != "admission") {
            let error = message.last_error.as_deref().unwrap_or("no error");
            assert!(error.contains("no longer has this repository"), "{error:?}");
        }
        // Other repositories are not affected.
        let other = world.submit(1).await;
        world.rejected(other).await;
        world.settle().await;
        world.assert_published(other).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_loses_access_for_five_minutes_loses_no_message() {
    let world = world(1).await;
    let id = reported(&world).await;
    let bots = {
        let mut state = world.forge.state();
        let at = state.teams.iter().position(|t| t.name == "bots").unwrap();
        state.teams.remove(at)
    };
    world.crashed(id).await;
    world.send_for(60, Duration::seconds(5)).await;
    world.forge.state().teams.push(bots);
    world.settle().await;
    world.assert_published(id).await;
}
