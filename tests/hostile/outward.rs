//! All that has gone out to a forge: what stands there, what was asked of it, and every object of git that
//! the platform made.
//!
//! It refuses to look at what teams pushed themselves: who writes a word down is not told it.

use std::collections::BTreeSet;

use git2::{ObjectType, Oid, Repository};

use crate::canary::Words;
use crate::hosted::Hosted;

/// Kinds of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Lamp,
    Issue,
    Comment,
    Request,
    /// An object or a ref in a team's repository.
    Team,
    /// An object or a ref of the boards.
    Board,
    /// An object or a ref elsewhere.
    Other,
}

/// Some bytes, and where they are.
pub struct Told {
    pub kind: Kind,
    pub at: String,
    pub bytes: Vec<u8>,
}

/// Everything. Passwords that requests were signed in with are not among it: there they belong.
pub fn all(hosted: &Hosted) -> Vec<Told> {
    let mut all = Vec::new();
    let mut put = |kind, at: String, bytes: Vec<u8>| all.push(Told { kind, at, bytes });
    for asked in hosted.forge.asked() {
        let at = format!("{} {}", asked.method, asked.path);
        let bytes = [at.as_bytes(), b"\n", &asked.body].concat();
        put(Kind::Request, at, bytes);
    }
    let state = hosted.forge.state();
    for status in &state.statuses {
        let (words, at) = (&status.description, format!("lamp {}", status.id));
        let text = format!("{}\n{words}\n{}", status.context, status.target);
        put(Kind::Lamp, at, text.into_bytes());
    }
    for issue in &state.issues {
        let at = format!("issue {} of {}", issue.number, issue.repository);
        let text = format!("{}\n{}", issue.title, issue.body);
        put(Kind::Issue, at, text.into_bytes());
    }
    for comment in &state.comments {
        let reactions = comment.reactions.iter().map(|(_, name)| name.as_str());
        let text = [&*comment.body, &reactions.collect::<String>()].join("\n");
        put(
            Kind::Comment,
            format!("comment {}", comment.id),
            text.into_bytes(),
        );
    }
    for repository in &state.repositories {
        let git = state.git(repository.id);
        let (kind, pushed) = match repository.name.as_str() {
            name if name.starts_with("team-") => (Kind::Team, pushed(&git)),
            "leaderboard" => (Kind::Board, BTreeSet::new()),
            _ => (Kind::Other, BTreeSet::new()),
        };
        for (name, _) in crate::model::git::refs(&git) {
            let at = format!("a ref of {}", repository.name);
            put(kind, at, name.into_bytes());
        }
        for (id, bytes) in objects(&git, &pushed) {
            put(kind, format!("{id} of {}", repository.name), bytes);
        }
    }
    all
}

/// What a team has pushed: all that its branches and tags lead to.
fn pushed(git: &Repository) -> BTreeSet<Oid> {
    let theirs = |name: &str| name.starts_with("refs/heads/") || name.starts_with("refs/tags/");
    let refs = crate::model::git::refs(git).into_iter();
    let mut next: Vec<Oid> = refs
        .filter(|(n, _)| theirs(n))
        .map(|(_, oid)| oid)
        .collect();
    let odb = git.odb().unwrap();
    let mut seen = BTreeSet::new();
    while let Some(oid) = next.pop() {
        // Commits of submodules are elsewhere.
        if !odb.exists(oid) || !seen.insert(oid) {
            continue;
        }
        match odb.read_header(oid).unwrap().1 {
            ObjectType::Commit => {
                let commit = git.find_commit(oid).unwrap();
                next.push(commit.tree_id());
                next.extend(commit.parent_ids());
            }
            ObjectType::Tree => {
                let tree = git.find_tree(oid).unwrap();
                next.extend(tree.iter().map(|entry| entry.id()));
            }
            ObjectType::Tag => next.push(git.find_tag(oid).unwrap().target_id()),
            _ => {}
        }
    }
    seen
}

/// Every other object, whether a ref leads to it or not: trees with the names in them, whole commits.
fn objects(git: &Repository, without: &BTreeSet<Oid>) -> Vec<(Oid, Vec<u8>)> {
    let odb = git.odb().unwrap();
    let mut ids = Vec::new();
    odb.foreach(|id| {
        ids.push(*id);
        true
    })
    .unwrap();
    ids.retain(|id| !without.contains(id));
    let read = |id: Oid| (id, odb.read(id).unwrap().data().to_vec());
    ids.into_iter().map(read).collect()
}

/// Where these words are told, and how.
pub fn telling<'a>(told: impl IntoIterator<Item = &'a Told>, words: &Words) -> Vec<String> {
    let tells = |one: &Told| {
        let word = words.told(&one.bytes)?;
        Some(format!("{:?} {}: {word}", one.kind, one.at))
    };
    told.into_iter().filter_map(tells).collect()
}
