//! The events beside the recorded exchanges: the accounts at the start, pushes by git, and manual changes. Each happens
//! before the exchange of its number.

use std::collections::BTreeMap;
use std::path::Path;

use git2::Oid;
use serde_json::Value;

use crate::comparison::Names;
use crate::model::Forge;
use crate::model::git::{self, Author, Files};
use crate::model::packages::Image;
use crate::model::state::State;
use crate::recording::{self, Exchange};

/// In the order of their numbers.
const ACCOUNTS: [&str; 6] = ["root-admin", "referee", "alice", "bob", "eve", "owner"];

/// The password of every account.
pub(crate) const PASSWORD: &str = "correct-horse";

/// Makes the accounts, each with a token named like its owner.
pub(crate) fn accounts(forge: &Forge) -> BTreeMap<String, String> {
    let mut state = forge.state();
    let mut tokens = BTreeMap::new();
    for login in ACCOUNTS {
        let account = state.make_person(login, PASSWORD, login == "root-admin");
        let (_, secret, _) = state.make_token(account, vec!["all".to_owned()]);
        tokens.insert(login.to_owned(), secret);
    }
    tokens
}

/// The pushed objects, as the recordings show them.
pub(crate) struct Pushed {
    /// Recorded commits by the first line of their message.
    commits: BTreeMap<String, String>,
    dockerfile: String,
    tag: String,
    note: String,
    manifest: String,
    configuration: String,
}

fn json(exchanges: &[Exchange], number: u32) -> Value {
    let exchange = exchanges.iter().find(|e| e.number == number).unwrap();
    serde_json::from_str(&exchange.answer).unwrap()
}

impl Pushed {
    pub(crate) fn read(folder: &Path, exchanges: &[Exchange]) -> Self {
        let mut commits = BTreeMap::new();
        for delivery in recording::deliveries(folder) {
            for commit in delivery.body["commits"].as_array().into_iter().flatten() {
                let message = commit["message"].as_str().unwrap();
                let first = message.lines().next().unwrap_or_default().to_owned();
                commits.entry(first).or_insert(commit["id"].as_str().unwrap().to_owned());
            }
        }
        let text = |number: u32| {
            let exchange = exchanges.iter().find(|e| e.number == number);
            exchange.unwrap().answer.clone()
        };
        let refs = json(exchanges, 34);
        let current = |name: &str| {
            let mut refs = refs.as_array().unwrap().iter();
            let found = refs.find(|found| found["ref"] == name).unwrap();
            found["object"]["sha"].as_str().unwrap().to_owned()
        };
        Self {
            commits,
            dockerfile: text(42),
            tag: current("refs/tags/final-2"),
            note: current("refs/notes/commits"),
            manifest: text(310),
            configuration: text(313),
        }
    }

    fn pair(&self, names: &mut Names, message: &str, ours: Oid) {
        let first = message.lines().next().unwrap_or_default();
        if let Some(recorded) = self.commits.get(first) {
            assert!(names.pair(recorded, &ours.to_string()), "{first} twice");
        }
    }
}

/// Makes the changes that belong before the exchange of a number.
pub(crate) fn before(number: u32, state: &mut State, pushed: &Pushed, names: &mut Names) {
    match number {
        31 => pushes(state, pushed, names),
        151 => {
            let alpha = 4;
            state.rename(alpha, "team-alpha");
            let git = state.git(alpha);
            let head = git.refname_to_id("refs/heads/main").unwrap();
            git::point(&git, "refs/heads/after-rename", head);
        }
        154 => state.repository_mut(4).archived = None,
        233 => {
            let owner = state.account_named("owner").unwrap().id;
            state.make_org("other-org", "public", owner);
            let git = state.git(4);
            let head = git.refname_to_id("refs/heads/main").unwrap();
            let files = Files::from([("more.txt".to_owned(), Some(b"more".to_vec()))]);
            let more = git::commit(&git, Some(head), &files, &team(state), "More\n");
            git::point(&git, "refs/heads/hooks-of-three-kinds", more);
        }
        237 => {
            let phakir = state.account_named("phakir").unwrap().id;
            state.move_to(5, phakir);
        }
        238 => state.hooks.retain(|hook| ![4, 5].contains(&hook.id)),
        304 => images(state, pushed),
        _ => {}
    }
}

fn team(state: &State) -> Author {
    let at = state.now();
    Author { name: "Team Alpha".to_owned(), email: "alice@example.org".to_owned(), at }
}

/// The pushes of the participant: a container, seven changes, a rewind, tags, branches, a note.
fn pushes(state: &mut State, pushed: &Pushed, names: &mut Names) {
    let (alpha, beta) = (4, 5);
    let git = state.git(alpha);
    let by = team(state);
    let mut at = git.refname_to_id("refs/heads/main").unwrap();
    let mut put = |parent: Oid, file: &str, content: &str, message: &str, at: i64| {
        let files = Files::from([(file.to_owned(), Some(content.as_bytes().to_vec()))]);
        let by = Author { at: by.at + at, ..by.clone() };
        let commit = git::commit(&git, Some(parent), &files, &by, message);
        pushed.pair(names, message, commit);
        commit
    };
    at = put(at, "Dockerfile", &pushed.dockerfile, "Add a container\n", 0);
    let mut changes = Vec::new();
    for n in 0..7 {
        let more = "body with <b>html</b> & \"quotes\" ünïcode";
        let message = format!("Change {n}\n\n{more}\n");
        at = put(at, &format!("f{n}.txt"), &n.to_string(), &message, 1);
        changes.push(at);
    }
    let amended = put(changes[3], "f9.txt", "x", "Amended\n", 2);
    for (branch, to) in [
        ("main", amended),
        ("multi-0", amended),
        ("multi-1", changes[3]),
        ("multi-2", changes[2]),
        ("with-option", amended),
    ] {
        git::point(&git, &format!("refs/heads/{branch}"), to);
    }
    let tagger = git2::Signature::now(&by.name, &by.email).unwrap();
    let object = git.find_object(amended, None).unwrap();
    let tag = git.tag("final-2", &object, &tagger, "annotated\n", true).unwrap();
    names.pair(&pushed.tag, &tag.to_string());
    let files = Files::from([(amended.to_string(), Some(b"a note by the team\n".to_vec()))]);
    let note = git::commit(&git, None, &files, &by, "Notes added by 'git notes add'\n");
    git::point(&git, "refs/notes/commits", note);
    names.pair(&pushed.note, &note.to_string());
    // The first tag was made, moved and deleted: every tag takes the number of a release.
    for _ in 0..3 {
        state.next("release");
    }
    state.copy_git(alpha, beta);
    let git = state.git(beta);
    for branch in ["multi-0", "multi-1", "multi-2", "with-option"] {
        git.find_reference(&format!("refs/heads/{branch}")).unwrap().delete().unwrap();
    }
    let team = state.teams.iter().find(|team| team.name == "team-alpha").unwrap().id;
    state.give_team(team, beta);
}

/// Three pushes of images, the last to the tag of the second.
fn images(state: &mut State, pushed: &Pushed) {
    let phakir = state.account_named("phakir").unwrap().id;
    let alice = state.account_named("alice").unwrap().id;
    let media = "application/vnd.docker.container.image.v1+json";
    let configuration = [(media, pushed.configuration.as_bytes())];
    for (tag, manifest) in [
        ("phase-recognition", "{\"mediaType\":\"one\"}"),
        ("segmentation", "{\"mediaType\":\"two\"}"),
        ("segmentation", pushed.manifest.as_str()),
    ] {
        let manifest = manifest.as_bytes();
        let image = Image { name: "team-alpha", tag, manifest, blobs: &configuration };
        state.put_image(phakir, alice, &image);
    }
}
