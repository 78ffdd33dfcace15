//! Everything that Referee has published on a forge: issues, comments, commit statuses, requests, and every object of
//! git that the platform made.
//!
//! Objects that teams pushed are left out: they may hold a word that only their team wrote.

use std::collections::BTreeSet;

use git2::{ObjectType, Oid, Repository};

use crate::canary::Words;
use crate::hosted::Hosted;

/// The kind of a published item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    CommitStatus,
    Issue,
    Comment,
    Request,
    /// An object or a ref in a team's repository.
    Team,
    /// An object or a ref of the leaderboard repository.
    Leaderboard,
    /// An object or a ref of another repository.
    Other,
}

/// Published bytes and their location.
pub(crate) struct Published {
    pub kind: Kind,
    pub at: String,
    pub bytes: Vec<u8>,
}

/// All published items. The credentials of requests are left out: the forge must receive them.
pub(crate) fn all(hosted: &Hosted) -> Vec<Published> {
    let mut all = Vec::new();
    let mut put = |kind, at: String, bytes: Vec<u8>| all.push(Published { kind, at, bytes });
    for asked in hosted.forge.asked() {
        let at = format!("{} {}", asked.method, asked.path);
        let bytes = [at.as_bytes(), b"\n", &asked.body].concat();
        put(Kind::Request, at, bytes);
    }
    let state = hosted.forge.state();
    for status in &state.statuses {
        let (context, description) = (&status.context, &status.description);
        let text = format!("{context}\n{description}\n{}", status.target);
        let at = format!("commit status {}", status.id);
        put(Kind::CommitStatus, at, text.into_bytes());
    }
    for issue in &state.issues {
        let at = format!("issue {} of {}", issue.number, issue.repository);
        let text = format!("{}\n{}", issue.title, issue.body);
        put(Kind::Issue, at, text.into_bytes());
    }
    for comment in &state.comments {
        let reactions = comment.reactions.iter().map(|(_, name)| name.as_str());
        let text = [&*comment.body, &reactions.collect::<String>()].join("\n");
        put(Kind::Comment, format!("comment {}", comment.id), text.into_bytes());
    }
    for repository in &state.repositories {
        let git = state.git(repository.id);
        let (kind, pushed) = match repository.name.as_str() {
            name if name.starts_with("team-") => (Kind::Team, pushed(&git)),
            "leaderboard" => (Kind::Leaderboard, BTreeSet::new()),
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

/// The objects that a team has pushed: everything that its branches and tags lead to.
fn pushed(git: &Repository) -> BTreeSet<Oid> {
    let theirs = |name: &str| name.starts_with("refs/heads/") || name.starts_with("refs/tags/");
    let refs = crate::model::git::refs(git).into_iter();
    let mut next: Vec<Oid> = refs.filter(|(n, _)| theirs(n)).map(|(_, oid)| oid).collect();
    let odb = git.odb().unwrap();
    let mut seen = BTreeSet::new();
    while let Some(oid) = next.pop() {
        // The commit of a submodule is in another repository.
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

/// All other objects, whether a ref leads to them or not.
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

/// The items that hold one of the words, with their locations.
pub(crate) fn find<'a>(items: impl IntoIterator<Item = &'a Published>, words: &Words) -> Vec<String> {
    let find = |item: &Published| {
        let word = words.find(&item.bytes)?;
        Some(format!("{:?} {}: {word}", item.kind, item.at))
    };
    items.into_iter().filter_map(find).collect()
}
