//! The bare repositories: reading commits, and writing them without a work tree.

use std::collections::BTreeMap;

use git2::{
    Commit, Delta, DiffOptions, ObjectType, Oid, Repository, Signature, Time, Tree, TreeWalkMode, TreeWalkResult,
};

/// Entries of a tree, and bytes of its files, that a commit's changes are listed with.
const LISTED_ENTRIES: usize = 2_000;
const LISTED_BYTES: usize = 16 << 20;

/// A name, an address and a time in a commit.
#[derive(Debug, Clone)]
pub(crate) struct Author {
    pub name: String,
    pub email: String,
    /// Seconds since 1970.
    pub at: i64,
}

impl Author {
    fn signature(&self) -> Signature<'static> {
        Signature::new(&self.name, &self.email, &Time::new(self.at, 0)).unwrap()
    }
}

/// A change of files: contents, or `None` for a deleted file.
pub(crate) type Files = BTreeMap<String, Option<Vec<u8>>>;

/// The changes of a commit by file, and the numbers of lines.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub modified: Vec<String>,
    pub additions: usize,
    pub deletions: usize,
}

/// Makes an empty bare repository that accepts pushes.
pub(crate) fn init(folder: &std::path::Path, branch: &str) {
    let mut options = git2::RepositoryInitOptions::new();
    options.bare(true).external_template(false).initial_head(branch);
    let git = Repository::init_opts(folder, &options).unwrap();
    let mut config = git.config().unwrap();
    for (key, value) in [
        ("http.receivepack", true),
        ("receive.advertisePushOptions", true),
        ("uploadpack.allowAnySHA1InWant", true),
        ("core.logAllRefUpdates", false),
    ] {
        config.set_bool(key, value).unwrap();
    }
}

/// A commit on top of another with some files changed. Moves no ref.
pub(crate) fn commit(git: &Repository, parent: Option<Oid>, files: &Files, by: &Author, message: &str) -> Oid {
    let parent = parent.map(|oid| git.find_commit(oid).unwrap());
    let base = match &parent {
        Some(parent) => parent.tree().unwrap(),
        None => {
            let empty = git.treebuilder(None).unwrap().write().unwrap();
            git.find_tree(empty).unwrap()
        }
    };
    let mut update = git2::build::TreeUpdateBuilder::new();
    for (path, content) in files {
        match content {
            Some(bytes) => {
                let blob = git.blob(bytes).unwrap();
                update.upsert(path.as_str(), blob, git2::FileMode::Blob);
            }
            None => {
                update.remove(path.as_str());
            }
        }
    }
    let tree = update.create_updated(git, &base).unwrap();
    let tree = git.find_tree(tree).unwrap();
    let who = by.signature();
    let parents: Vec<&Commit> = parent.iter().collect();
    git.commit(None, &who, &who, message, &tree, &parents).unwrap()
}

/// Moves a ref to an object.
pub(crate) fn point(git: &Repository, name: &str, to: Oid) {
    git.reference(name, to, true, "").unwrap();
}

/// The commit that a branch, a tag, a full or a short object name means.
pub(crate) fn resolve<'a>(git: &'a Repository, name: &str) -> Option<Commit<'a>> {
    let registration_requests = [format!("refs/heads/{name}"), format!("refs/tags/{name}"), name.to_owned()];
    let mut found = registration_requests.iter().filter_map(|name| {
        let object = git.revparse_single(name).ok()?;
        object.peel_to_commit().ok()
    });
    found.next()
}

/// Commits that are reachable from one and not from another, newest first; at most some.
pub(crate) fn log(git: &Repository, from: Oid, without: Option<Oid>, most: usize) -> Vec<Oid> {
    let mut walk = git.revwalk().unwrap();
    walk.set_sorting(git2::Sort::TOPOLOGICAL | git2::Sort::TIME).unwrap();
    walk.push(from).unwrap();
    if let Some(without) = without {
        walk.hide(without).unwrap();
    }
    walk.take(most).map(Result::unwrap).collect()
}

/// Whether a tree is small enough that the files of its commit are listed and their lines counted. A few kilobytes of
/// git can contain more files than a list can hold.
fn is_listed(git: &Repository, tree: &Tree) -> bool {
    let odb = git.odb().unwrap();
    let (mut entries, mut bytes) = (0, 0);
    let walked = tree.walk(TreeWalkMode::PreOrder, |_, entry| {
        entries += 1;
        if entry.kind() == Some(ObjectType::Blob) {
            bytes += odb.read_header(entry.id()).unwrap().0;
        }
        if entries <= LISTED_ENTRIES && bytes <= LISTED_BYTES { TreeWalkResult::Ok } else { TreeWalkResult::Abort }
    });
    walked.is_ok() && entries <= LISTED_ENTRIES && bytes <= LISTED_BYTES
}

/// The changes of a commit against its first parent; none for a tree that is too large.
pub(crate) fn changes(git: &Repository, commit: &Commit) -> Changes {
    let parent = commit.parent(0).ok().map(|parent| parent.tree().unwrap());
    let tree = commit.tree().unwrap();
    if !is_listed(git, &tree) {
        return Changes::default();
    }
    let mut options = DiffOptions::new();
    let diff = git.diff_tree_to_tree(parent.as_ref(), Some(&tree), Some(&mut options)).unwrap();
    let mut changes = Changes::default();
    for delta in diff.deltas() {
        let file = delta.new_file().path().or(delta.old_file().path());
        let file = file.unwrap().to_str().unwrap().to_owned();
        match delta.status() {
            Delta::Added => changes.added.push(file),
            Delta::Deleted => changes.removed.push(file),
            _ => changes.modified.push(file),
        }
    }
    let stats = diff.stats().unwrap();
    changes.additions = stats.insertions();
    changes.deletions = stats.deletions();
    changes
}

/// The newest commit, from `head` on, that changed a path.
pub(crate) fn last_change(git: &Repository, head: Oid, path: &str) -> Oid {
    let at = |oid: Oid| {
        let tree = git.find_commit(oid).unwrap().tree().unwrap();
        tree.get_path(std::path::Path::new(path)).ok().map(|entry| entry.id())
    };
    let now = at(head);
    let mut last = head;
    for oid in log(git, head, None, usize::MAX) {
        if at(oid) != now {
            break;
        }
        last = oid;
    }
    last
}

/// Kind of an object as the API names it.
pub(crate) fn kind(git: &Repository, oid: Oid) -> &'static str {
    let object = git.find_object(oid, None).unwrap();
    match object.kind() {
        Some(ObjectType::Tag) => "tag",
        Some(ObjectType::Tree) => "tree",
        Some(ObjectType::Blob) => "blob",
        _ => "commit",
    }
}

/// All refs by name, with their objects.
pub(crate) fn refs(git: &Repository) -> BTreeMap<String, Oid> {
    let names = git.references().unwrap().map(Result::unwrap);
    let pairs = names.filter_map(|found| {
        let name = String::from_utf8(found.name_bytes().to_vec()).ok()?;
        Some((name, found.target()?))
    });
    pairs.collect()
}
