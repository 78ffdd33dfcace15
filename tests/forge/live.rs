//! The model on a port: real git pushes over HTTP with passwords and tokens, and the webhook deliveries that follow.
//! Every version is tested in the same way.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use referee::forge::Webhooks as _;
use referee::forge::gitea::GiteaWebhooks;
use referee::forge::signature::WebhookSecret;
use referee::model::ForgeEvent;
use serde_json::{Value, json};

use crate::model::packages::Image;
use crate::model::state::Mode;
use crate::model::world::git;
use crate::model::{Forge, ForgeVersion};
use crate::receiver::{Arrived, Receiver};
use crate::recording;

const SECRET: &str = "shared-by-two";
const ALPHA: &str = "phakir/team-alpha";

/// The recorded accounts, two repositories, and a hook.
pub(crate) async fn world(version: ForgeVersion) -> (Forge, Receiver) {
    let forge = Forge::start(version).await;
    let (receiver, address) = Receiver::start().await;
    for login in ["owner", "referee", "alice", "bob", "eve"] {
        forge.person(login);
    }
    forge.organization("phakir", "owner");
    forge.repository("phakir", "organizers", &[("README.md", "# Organizers\n")]);
    forge.repository("phakir", "team-alpha", &[("README.md", "# Alpha\n")]);
    let (code, issues) = ("repo.code", "repo.issues");
    let writes = [(code, Mode::Write), (issues, Mode::Write), ("repo.packages", Mode::Read)];
    forge.team("phakir", "bots", &writes, &["referee"], None);
    let both: &[&str] = &["organizers", "team-alpha"];
    forge.team("phakir", "organizers", &writes[..2], &["bob"], Some(both));
    let own = [(code, Mode::Write), (issues, Mode::Read), ("repo.packages", Mode::Write)];
    forge.team("phakir", "team-alpha", &own, &["alice"], Some(&["team-alpha"]));
    forge.hook("owner", "phakir", &address, SECRET).await;
    (forge, receiver)
}

fn read(arrived: &Arrived) -> ForgeEvent {
    let secret = WebhookSecret::new(SECRET).unwrap();
    let webhooks = GiteaWebhooks::new(vec![secret]);
    let accepted = webhooks.accept(&arrived.headers, &arrived.body);
    accepted.unwrap().event
}

/// Keys and types of a value; of a list its first entry.
fn structure(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), structure(value))).collect(),
        Value::Array(list) => list.iter().take(1).map(structure).collect(),
        Value::String(_) => json!("text"),
        Value::Number(_) => json!("number"),
        Value::Bool(_) => json!("flag"),
        Value::Null => json!("null"),
    }
}

/// The body of a recorded delivery of an event that fits.
fn recorded(version: ForgeVersion, fits: impl Fn(&Value) -> bool, event: &str) -> Value {
    let all = recording::deliveries(&recording::folder(version)).into_iter();
    let mut of = all.filter(|d| d.header("X-Gitea-Event-Type") == event && fits(&d.body));
    of.next().unwrap().body
}

fn same_structure(version: ForgeVersion, arrived: &Arrived, fits: impl Fn(&Value) -> bool) {
    let event = arrived.event();
    let (ours, theirs) = (structure(&arrived.json()), structure(&recorded(version, fits, event)));
    assert_eq!(ours, theirs, "{} {event}", version.name());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_delivered_as_recorded() {
    for version in ForgeVersion::ALL {
        let (forge, receiver) = world(version).await;
        let folder = tempfile::tempdir().unwrap();
        let clone = folder.path().join("alpha");
        forge.clone_to("alice", ALPHA, &clone).await;
        let head = forge.push(&clone, "main", &[("Dockerfile", "FROM referee/python\n")]).await;
        let arrived = receiver.wait_for(1).await.remove(0);
        let ForgeEvent::Pushed { repository, full_ref, before, after, sender } = read(&arrived) else {
            panic!("{}", arrived.event());
        };
        assert_eq!(repository.full_name, ALPHA);
        assert_eq!((full_ref.as_str(), after.to_string()), ("refs/heads/main", head));
        assert!(before.is_some());
        assert_eq!(sender.login, "alice");
        same_structure(version, &arrived, |body| {
            body["commits"].as_array().is_some_and(|commits| !commits.is_empty())
                && body["commits"][0]["added"] != json!([])
                && body["commits"][0]["removed"] == json!([])
                && body["commits"][0]["modified"] == json!([])
        });
    }
}

/// Events of the deliveries, in order.
fn events(arrived: &[Arrived]) -> Vec<&str> {
    arrived.iter().map(Arrived::event).collect()
}

async fn run(clone: &Path, arguments: &[&str]) {
    let output = git(clone, arguments).await;
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "git {arguments:?}: {message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refs_of_every_kind_are_delivered_as_recorded() {
    for version in ForgeVersion::ALL {
        let (forge, receiver) = world(version).await;
        let folder = tempfile::tempdir().unwrap();
        let clone = folder.path().join("alpha");
        forge.clone_to("alice", ALPHA, &clone).await;

        let head = forge.push(&clone, "other", &[("g.txt", "x")]).await;
        let got = receiver.wait_for(2).await;
        assert_eq!(events(&got), ["create", "push"]);
        assert!(matches!(read(&got[0]), ForgeEvent::Created { .. }));
        same_structure(version, &got[0], |_| true);
        receiver.clear();

        run(&clone, &["tag", "-a", "final-1", "-m", "annotated"]).await;
        run(&clone, &["push", "-q", "origin", "final-1"]).await;
        let got = receiver.wait_for(2).await;
        assert_eq!(events(&got), ["push", "create"]);
        let body = got[0].json();
        assert_eq!(body["before"], "0".repeat(40));
        assert_ne!(body["after"], head, "an annotated tag is an object of its own");
        assert_eq!(body["head_commit"]["id"], head);
        same_structure(version, &got[0], |body| {
            body["ref"] == "refs/tags/final-2" && body["head_commit"]["added"] != json!([])
        });
        receiver.clear();

        run(&clone, &["push", "-q", "origin", ":final-1", ":other"]).await;
        let got = receiver.wait_for(3).await;
        let mut kinds = events(&got);
        kinds.sort_unstable();
        assert_eq!(kinds, ["delete", "delete", "push"]);
        receiver.clear();

        run(&clone, &["notes", "add", "-m", "a note"]).await;
        run(&clone, &["push", "-q", "origin", "refs/notes/commits"]).await;
        forge.push(&clone, "main", &[("after-the-note", "x")]).await;
        let got = receiver.wait_for(1).await;
        assert_eq!(got[0].json()["ref"], "refs/heads/main", "notes are not announced");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn git_checks_the_pushing_account() {
    let (forge, receiver) = world(ForgeVersion::Gitea127).await;
    let folder = tempfile::tempdir().unwrap();
    let clone = folder.path().join("alpha");
    forge.clone_to("alice", ALPHA, &clone).await;
    let try_push = async |remote: &str| git(&clone, &["push", "-q", remote, "HEAD:refs/heads/x"]).await;

    assert!(!try_push(&forge.remote("eve", ALPHA)).await.status.success(), "outside");
    let anonymous = format!("{}/{ALPHA}.git", forge.root());
    assert!(!try_push(&anonymous).await.status.success(), "anonymous");
    let elsewhere = forge.remote("alice", "phakir/organizers");
    assert!(!try_push(&elsewhere).await.status.success(), "not her repository");
    let host = forge.root().replace("http://", "");
    let with = |token: &str| format!("http://referee:{token}@{host}/{ALPHA}.git");
    let reads = with(&forge.token("referee", &["read:repository"]));
    assert!(!try_push(&reads).await.status.success(), "a token that only reads");
    assert!(receiver.got().is_empty());

    let token = forge.token("referee", &["write:repository"]);
    assert!(try_push(&with(&token)).await.status.success(), "a token that writes");
    let option = ["push", "-q", "-o", "challenge.dry-run", "origin", "HEAD:refs/heads/y"];
    run(&clone, &option).await;
    forge.revoke(&token);
    assert!(!try_push(&with(&token)).await.status.success(), "a token that was");

    forge.state().rename(2, "renamed");
    let old = git(&clone, &["ls-remote", &forge.remote("alice", ALPHA), "refs/heads/y"]).await;
    assert!(old.status.success() && !old.stdout.is_empty(), "the old name leads to the new one");
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_by_api_are_delivered() {
    for version in ForgeVersion::ALL {
        let (forge, receiver) = world(version).await;
        let issues = format!("/repos/{ALPHA}/issues");
        let (status, issue) = forge.api("referee", "POST", &issues, &json!({"title": "Referee"})).await;
        assert_eq!((status, &issue["number"]), (201, &json!(1)));
        let comments = format!("{issues}/1/comments");
        let (status, _) = forge.api("bob", "POST", &comments, &json!({"body": "/status"})).await;
        assert_eq!(status, 201);
        let got = receiver.wait_for(2).await;
        assert!(matches!(read(&got[0]), ForgeEvent::Issue { number: 1, .. }));
        let ForgeEvent::Comment { body, sender, .. } = read(&got[1]) else {
            panic!("{}", got[1].event());
        };
        assert_eq!((body.as_str(), sender.login.as_str()), ("/status", "bob"));
        receiver.clear();

        let image = Image { name: "team-alpha", tag: "final", manifest: b"{}", blobs: &[] };
        let digest = forge.push_image("alice", "phakir", &image);
        assert!(digest.starts_with("sha256:"));
        let status = format!("/repos/{ALPHA}/statuses/main");
        forge.api("referee", "POST", &status, &json!({"state": "success", "context": "c"})).await;
        forge.api("bob", "POST", &comments, &json!({"body": "last"})).await;
        let expected: &[&str] =
            if version.is_old() { &["issue_comment"] } else { &["package", "status", "issue_comment"] };
        let got = receiver.wait_for(expected.len()).await;
        assert_eq!(events(&got), expected, "{}", version.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_forges_drop_a_push_whose_ref_was_deleted_meanwhile() {
    for (version, delivered) in [(ForgeVersion::Gitea122, false), (ForgeVersion::Gitea127, true)] {
        let (forge, receiver) = world(version).await;
        let folder = tempfile::tempdir().unwrap();
        let clone = folder.path().join("alpha");
        forge.clone_to("alice", ALPHA, &clone).await;
        forge.delivery_faults().hold = true;
        run(&clone, &["tag", "final-1"]).await;
        run(&clone, &["push", "-q", "origin", "final-1"]).await;
        run(&clone, &["push", "-q", "origin", ":final-1"]).await;
        forge.delivery_faults().hold = false;
        let got = receiver.wait_for(if delivered { 4 } else { 2 }).await;
        let expected: &[&str] = if delivered { &["push", "create", "push", "delete"] } else { &["push", "delete"] };
        assert_eq!(events(&got), expected, "{}", version.name());
        let last = &got[got.len() - 2].json();
        assert_eq!(last["after"], "0".repeat(40), "{}", version.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_written_by_api() {
    let (forge, receiver) = world(ForgeVersion::Forgejo10).await;
    let path = format!("/repos/{ALPHA}/contents/board/scores.csv");
    let file = |text: &str, sha: Option<&Value>| {
        let content = STANDARD.encode(text);
        json!({"content": content, "message": "Board", "branch": "main", "sha": sha})
    };
    let (status, made) = forge.api("referee", "POST", &path, &file("a\n", None)).await;
    assert_eq!((status, &made["content"]["path"]), (201, &json!("board/scores.csv")));
    let (status, _) = forge.api("referee", "POST", &path, &file("b\n", None)).await;
    assert_eq!(status, 422, "it is there");
    let sha = &made["content"]["sha"];
    let (status, _) = forge.api("referee", "PUT", &path, &file("b\n", Some(sha))).await;
    assert_eq!(status, 200);
    let (status, _) = forge.api("referee", "PUT", &path, &file("c\n", Some(sha))).await;
    assert_eq!(status, 422, "another writer was faster");
    let (status, read) = forge.api("alice", "GET", &path, &Value::Null).await;
    assert_eq!((status, &read["content"]), (200, &json!(STANDARD.encode("b\n"))));
    let (status, _) = forge.api("eve", "GET", &path, &Value::Null).await;
    assert_eq!(status, 404, "it is hidden from outsiders");
    let got = receiver.wait_for(2).await;
    let changed = |got: &Arrived| got.json()["head_commit"]["added"].as_array().unwrap().len();
    assert_eq!(got.iter().map(changed).collect::<Vec<_>>(), [1, 0]);
}
