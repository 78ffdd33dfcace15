//! Tokens that are revoked, and repositories, issues and comments that somebody archives, renames or
//! deletes.

use referee::model::{Duration, SubmissionId, limits};
use referee::pipeline::{observe, outbox};
use referee::store::TextRef;
use serde_json::Value;

use crate::model::ForgeVersion;
use crate::model::state::Token;
use crate::world::{Plan, World};
use crate::{log, secrets};

async fn world(teams: usize) -> World {
    World::start(Plan::of(ForgeVersion::Gitea127, teams)).await
}

/// A submission that passed the rules and was told of.
async fn told(world: &World) -> SubmissionId {
    told_of(world, 0).await
}

async fn told_of(world: &World, team: usize) -> SubmissionId {
    let id = world.submit(team).await;
    world.admitted(id).await;
    world.settle().await;
    world.is_reported(id).await;
    id
}

fn repository(world: &World, team: usize) -> i64 {
    world.teams[team].forge_id.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_said_once_and_loses_nothing() {
    let world = world(8).await;
    let message = |what: &str| log::lines(&[world.name.as_str(), what]);
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
        // Reactions may fail for reasons of their own, which this is none of.
        let at = TextRef {
            forge: world.name.clone(),
            forge_id: world.teams[team].forge_id.clone(),
            issue: 1,
            comment_id: world.reports(*id).await[0].id,
        };
        let message = outbox::reaction(&at, world.app.context.clock.now());
        let put = world
            .app
            .context
            .store
            .enqueue(&message, world.app.context.clock.now());
        put.await.unwrap();
    }
    let before = world.forge.asked().len();
    world.send_for(300, Duration::seconds(2)).await;
    assert_eq!(message("rejects our requests"), 1);
    assert_eq!(message("answers again"), 0);
    let asked = world.forge.asked().len() - before;
    assert!(
        asked < 100,
        "{asked} requests in ten minutes to who wants none"
    );
    assert!(
        world
            .messages()
            .await
            .iter()
            .all(|message| message.last_error.is_none() || message.is_due)
    );

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
        world.is_reported(*id).await;
        world.is_lit(*id).await;
    }
    assert_eq!(message("answers again"), 1);
    assert_eq!(message("rejects our requests"), 1);
    let received = world.forge.asked().into_iter();
    let received = received.filter(|a| a.path.ends_with("/reactions") && a.status == Some(201));
    assert_eq!(received.count(), 8);
    secrets::are_kept(&world).await;
}

fn archive(world: &World, at: Option<i64>) {
    let id = repository(world, 0);
    world.forge.state().repository_mut(id).archived = at;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_repository_has_lamps_and_its_report_when_it_is_one_no_more() {
    for version in ForgeVersion::ALL {
        let world = World::start(Plan::of(version, 2)).await;
        let id = world.submit(0).await;
        archive(&world, Some(1));
        world.admitted(id).await;
        world.send_for(5, Duration::seconds(2)).await;
        world.crashed(id).await;
        world.send_for(30, Duration::seconds(2)).await;
        world.is_lit(id).await;
        assert!(world.reports(id).await.is_empty());
        let report = world.message("report").await;
        assert!(report.is_due);
        assert!(report.last_error.unwrap().contains("archived"));
        // It is nobody else's trouble, and looked at once in an hour.
        let other = world.submit(1).await;
        world.rejected(other).await;
        world.send_for(5, Duration::seconds(2)).await;
        world.is_shown(other).await;
        let before = world.forge.asked().len();
        world.send_for(6, Duration::seconds(3600)).await;
        let asked = world.forge.asked().len() - before;
        assert!(asked < 6 * 20, "{asked} requests in six hours");
        assert!(world.reports(id).await.is_empty());
        assert_eq!(
            log::lines(&[world.name.as_str(), "rejects our requests"]),
            0
        );

        // The sweep sees that it is back, and what waited is sent at once.
        world.send().await;
        observe::sweep(&world.app.context, &world.app.forges)
            .await
            .unwrap();
        assert!(!world.send().await, "it is not");
        archive(&world, None);
        observe::sweep(&world.app.context, &world.app.forges)
            .await
            .unwrap();
        world.send_for(3, Duration(0)).await;
        world.is_reported(id).await;
        world.settle().await;
        world.is_shown(id).await;
        let posts = world.forge.asked().into_iter();
        let posts = posts.filter(|a| a.path.ends_with("/comments") && a.status == Some(201));
        assert_eq!(posts.count(), 2, "the last text only");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_said_once_though_nothing_is_to_be_sent() {
    let world = world(3).await;
    observe::sweep(&world.app.context, &world.app.forges)
        .await
        .unwrap();
    let message = |what: &str| log::lines(&[world.name.as_str(), what]);
    let revoked = {
        let mut state = world.forge.state();
        let at = state.tokens.iter().position(|t| t.secret == world.token);
        state.tokens.remove(at.unwrap())
    };
    let before = world.forge.asked().len();
    for _ in 0..30 {
        world.pass(limits::SWEEP_INTERVAL);
        observe::sweep(&world.app.context, &world.app.forges)
            .await
            .unwrap();
    }
    assert_eq!(message("rejects our requests"), 1);
    let told = ["ERROR", world.name.as_str(), "token-file"];
    assert_eq!(log::lines(&told), 1, "with what to do");
    assert_eq!(message("not listed") + message("answers again"), 0);
    let asked = world.forge.asked().len() - before;
    assert!(
        asked < 3 * 30,
        "{asked} requests in half an hour to who wants none"
    );

    world.forge.state().tokens.push(revoked);
    for _ in 0..3 {
        world.pass(limits::SWEEP_INTERVAL);
        observe::sweep(&world.app.context, &world.app.forges)
            .await
            .unwrap();
    }
    assert_eq!(message("rejects our requests"), 1);
    assert_eq!(message("answers again"), 1);
    told_of(&world, 0).await;
}

/// Takes a commit out of a repository, as a forge does some time after it was pushed over.
async fn clear_away(world: &World, id: SubmissionId) {
    let view = world.view(id).await;
    let sha = view.origin.sha().unwrap().as_str().to_owned();
    let folder = world.forge.state().git_folder(repository(world, 0));
    let object = folder.join("objects").join(&sha[..2]).join(&sha[2..]);
    std::fs::remove_file(object).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn lamps_of_a_commit_that_is_gone_are_given_up() {
    for version in ForgeVersion::ALL {
        let world = World::start(Plan::of(version, 2)).await;
        let id = world.submit(0).await;
        world.admitted(id).await;
        world.settle().await;
        let next = world.submit(0).await;
        clear_away(&world, id).await;
        world.crashed(id).await;
        let before = world.app.context.clock.now();
        world.settle().await;
        let took = world.app.context.clock.now().since(before);
        assert!(took < Duration::seconds(300), "{}", took.written());
        // The report needs no commit.
        world.is_reported(id).await;
        let lost = [
            "not published; given up",
            "status",
            "no longer has this commit",
        ];
        let subject = format!("commit {}", world.teams[0].id);
        let all = world.messages().await;
        let gone = |w: &&crate::world::Wish| {
            w.last_error
                .as_deref()
                .is_some_and(|message| message.contains(lost[2]))
        };
        let gone: Vec<_> = all.iter().filter(gone).collect();
        assert!(gone.iter().any(|w| w.channel == "status"), "{all:?}");
        assert!(log::lines(&[&lost[..], &[&subject]].concat()) > 0);
        assert_eq!(
            log::lines(&[world.name.as_str(), "rejects our requests"]),
            0
        );
        // Other wishes go on.
        world.rejected(next).await;
        world.settle().await;
        world.is_shown(next).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_issue_is_opened_again() {
    let world = world(1).await;
    let id = told(&world).await;
    let path = "/repos/nuclei/team-000/issues/1";
    let (status, _) = world.forge.api("owner", "DELETE", path, &Value::Null).await;
    assert_eq!(status, 204);
    world.crashed(id).await;
    world.settle().await;
    world.is_shown(id).await;
    let issues = world.issues(0);
    assert_eq!((issues.len(), issues[0].number), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_that_is_deleted_before_the_first_report_is_opened_again() {
    let world = world(1).await;
    told(&world).await;
    let path = "/repos/nuclei/team-000/issues/1";
    world.forge.api("owner", "DELETE", path, &Value::Null).await;
    let second = told(&world).await;
    world.is_lit(second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_comment_is_written_again() {
    let world = world(1).await;
    let id = told(&world).await;
    let comment = world.reports(id).await[0].id;
    let path = format!("/repos/nuclei/team-000/issues/comments/{comment}");
    let (status, _) = world
        .forge
        .api("owner", "DELETE", &path, &Value::Null)
        .await;
    assert_eq!(status, 204);
    world.crashed(id).await;
    world.settle().await;
    world.is_shown(id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_repository_is_followed() {
    for version in ForgeVersion::ALL {
        let world = World::start(Plan::of(version, 1)).await;
        let id = told(&world).await;
        world
            .forge
            .state()
            .rename(repository(&world, 0), "team-otherwise");
        world.crashed(id).await;
        world.settle().await;
        world.is_shown(id).await;
        let row = world
            .app
            .context
            .store
            .repository(world.teams[0].id)
            .await
            .unwrap();
        assert_eq!(row.full_name, "nuclei/team-otherwise");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wishes_for_a_deleted_repository_end_with_a_reason() {
    for version in ForgeVersion::ALL {
        let world = World::start(Plan::of(version, 2)).await;
        let id = told(&world).await;
        let gone = repository(&world, 0);
        world.forge.state().repositories.retain(|r| r.id != gone);
        world.crashed(id).await;
        let before = world.app.context.clock.now();
        world.settle().await;
        let took = world.app.context.clock.now().since(before);
        assert!(took < Duration::seconds(3600), "{}", took.written());
        for message in world
            .messages()
            .await
            .iter()
            .filter(|w| w.channel != "admission")
        {
            let message = message.last_error.as_deref().unwrap_or("nothing");
            assert!(
                message.contains("no longer has this repository"),
                "{message:?}"
            );
        }
        // It is nobody else's trouble.
        let other = world.submit(1).await;
        world.rejected(other).await;
        world.settle().await;
        world.is_shown(other).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_comes_back_soon_has_lost_nothing() {
    let world = world(1).await;
    let id = told(&world).await;
    let bots = {
        let mut state = world.forge.state();
        let at = state.teams.iter().position(|t| t.name == "bots").unwrap();
        state.teams.remove(at)
    };
    world.crashed(id).await;
    world.send_for(60, Duration::seconds(5)).await;
    world.forge.state().teams.push(bots);
    world.settle().await;
    world.is_shown(id).await;
}
