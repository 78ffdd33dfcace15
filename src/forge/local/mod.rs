//! The local forge: bare repositories under one root, one for each team, reached by file path or
//! ssh. A `post-receive` hook tells the daemon about a push at once and shows its answer.
//!
//! The hook carries no authority. It only says "look"; the daemon reads the refs itself, and a push
//! whose hook could not speak is found by the sweep.

mod port;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::git::{self, GitError};
use crate::model::{CommitSha, PageToken, Timestamp};

/// Options of every repository: push options carry `-o watch`.
const CONFIG: [(&str, &str); 3] = [
    ("receive.advertisePushOptions", "true"),
    // Objects are checked before they are stored: a malformed tree never reaches our reader.
    ("receive.fsckObjects", "true"),
    // Reports of earlier commits stay, also when a branch is rewound.
    ("core.logAllRefUpdates", "true"),
];

/// The local forge.
#[derive(Debug, Clone)]
pub struct LocalForge {
    root: PathBuf,
    /// The daemon's address for the hook.
    url: String,
    /// The program that the hook runs.
    program: PathBuf,
}

/// A repository as this forge knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalRepository {
    /// Kept in the repository's own configuration, so it survives a move.
    pub id: String,
    /// `owner/name`.
    pub full_name: String,
    /// Where it is.
    pub path: PathBuf,
}

impl LocalForge {
    /// A forge under this root. Nothing is made yet.
    pub fn new(root: PathBuf, url: String, program: PathBuf) -> Self {
        Self { root, url, program }
    }

    /// Where the repository of this name is.
    pub fn path(&self, full_name: &str) -> PathBuf {
        self.root.join(format!("{full_name}.git"))
    }

    /// All repositories with their ids, by name.
    ///
    /// # Errors
    /// When the root cannot be read.
    pub fn repositories(&self) -> Result<Vec<LocalRepository>, GitError> {
        let mut found = Vec::new();
        for owner in read_dir(&self.root)? {
            for path in read_dir(&owner)? {
                let Some(name) = path
                    .file_name()
                    .and_then(|n| n.to_str())
                    .and_then(|n| n.strip_suffix(".git"))
                else {
                    continue;
                };
                let Some(owner) = owner.file_name().and_then(|n| n.to_str()) else {
                    continue;
                };
                let full_name = format!("{owner}/{name}");
                // A repository that somebody is just making has no id yet; it has one next time.
                if let Ok(id) = read_id(&path) {
                    found.push(LocalRepository {
                        id,
                        full_name,
                        path,
                    });
                }
            }
        }
        found.sort_by(|a, b| a.full_name.cmp(&b.full_name));
        Ok(found)
    }

    /// Makes a bare repository with this id unless it is there, and its first commit from the
    /// template's files (paths to content and executable bit).
    ///
    /// # Errors
    /// When the disk or git says no.
    pub fn create(
        &self,
        full_name: &str,
        new_id: &str,
        files: &BTreeMap<String, (Vec<u8>, bool)>,
        now: Timestamp,
    ) -> Result<LocalRepository, GitError> {
        let path = self.path(full_name);
        let id = match read_id(&path) {
            Ok(id) => id,
            Err(_) => {
                fs::create_dir_all(&path)?;
                let mut options = git2::RepositoryInitOptions::new();
                options.bare(true).initial_head("main").mkpath(true);
                git2::Repository::init_opts(&path, &options)?;
                if !files.is_empty() {
                    git::commit_files(&path, "main", files, ("Start from the template", now))?;
                }
                // Last: a repository with an id is complete.
                set_config(&path, &[("referee.id", new_id)])?;
                new_id.to_owned()
            }
        };
        Ok(LocalRepository {
            id,
            full_name: full_name.to_owned(),
            path,
        })
    }

    /// Installs or renews the hook of a repository and what it needs to know.
    ///
    /// # Errors
    /// When the disk or git says no.
    pub fn install_hook(&self, path: &Path, token: &PageToken) -> Result<(), GitError> {
        set_config(path, &CONFIG)?;
        set_config(
            path,
            &[
                ("referee.url", self.url.as_str()),
                ("referee.token", token.as_str()),
            ],
        )?;
        let hooks = path.join("hooks");
        fs::create_dir_all(&hooks)?;
        let script = hook_script(&self.program);
        let hook = hooks.join("post-receive");
        // Written beside and renamed: a push at this moment runs the old hook or the new one.
        let fresh = hooks.join(".post-receive.new");
        fs::write(&fresh, script)?;
        set_executable(&fresh)?;
        fs::rename(&fresh, &hook)?;
        Ok(())
    }

    /// All branches and tags of a repository with their commits.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn refs(&self, full_name: &str) -> Result<Vec<(String, CommitSha)>, GitError> {
        git::refs(&self.path(full_name))
    }
}

/// What a hook knows of its repository: the daemon's address and the token to show.
///
/// # Errors
/// When the repository is not one of ours.
pub fn hook_address(git_dir: &Path) -> Result<(String, PageToken), GitError> {
    let config = git2::Repository::open_bare(git_dir)?.config()?;
    let url = config.get_string("referee.url")?;
    let token = PageToken::new(config.get_string("referee.token")?)
        .map_err(|e| GitError::Io(std::io::Error::other(e)))?;
    Ok((url, token))
}

/// The hook: a push succeeds whatever happens to it.
fn hook_script(program: &Path) -> String {
    let program = program.display().to_string().replace('\'', r"'\''");
    format!(
        "#!/bin/sh\n\
         # Tells Referee about a push and shows its answer. The push itself has already succeeded,\n\
         # so whatever goes wrong here, nothing is lost: the daemon looks at every repository once a\n\
         # minute.\n\
         program='{program}'\n\
         if [ -x \"$program\" ]; then\n\
         \texec \"$program\" hook post-receive\n\
         fi\n\
         echo \"Referee is not installed at $program; your push is stored and will be found later.\"\n\
         exit 0\n"
    )
}

fn read_dir(path: &Path) -> Result<Vec<PathBuf>, GitError> {
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    Ok(found)
}

fn read_id(path: &Path) -> Result<String, GitError> {
    let repository = git2::Repository::open_bare(path)?;
    Ok(repository
        .config()?
        .open_level(git2::ConfigLevel::Local)?
        .get_string("referee.id")?)
}

fn set_config(path: &Path, values: &[(&str, &str)]) -> Result<(), GitError> {
    let repository = git2::Repository::open_bare(path)?;
    let mut config = repository.config()?.open_level(git2::ConfigLevel::Local)?;
    for (key, value) in values {
        if config.get_string(key).ok().as_deref() != Some(*value) {
            config.set_str(key, value)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn set_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntryKind;
    use crate::rules::layout::DockerIgnore;

    fn files() -> BTreeMap<String, (Vec<u8>, bool)> {
        let mut files = BTreeMap::new();
        files.insert("Dockerfile".to_owned(), (b"FROM scratch\n".to_vec(), false));
        files.insert("bin/run.sh".to_owned(), (b"#!/bin/sh\n".to_vec(), true));
        files
    }

    #[test]
    fn a_repository_is_made_once_and_read_back() {
        let root = tempfile::tempdir().unwrap();
        let forge = LocalForge::new(root.path().into(), "http://[::1]:1".into(), "/bin/x".into());
        let now = Timestamp(1_700_000_000_000);
        let made = forge
            .create("nuclei/team-a", "id-1", &files(), now)
            .unwrap();
        let again = forge
            .create("nuclei/team-a", "id-2", &files(), now)
            .unwrap();
        assert_eq!(made, again);
        assert_eq!(forge.repositories().unwrap(), vec![made.clone()]);

        let refs = forge.refs("nuclei/team-a").unwrap();
        assert_eq!(refs.len(), 1);
        let (name, sha) = &refs[0];
        assert_eq!(name, "refs/heads/main");
        let commit = git::read_commit(&made.path, sha).unwrap();
        assert_eq!(
            commit.source.entries["bin/run.sh"].kind,
            EntryKind::File { executable: true }
        );
        assert_eq!(
            commit.source.text("Dockerfile"),
            Some(&b"FROM scratch\n"[..])
        );

        let mut context = Vec::new();
        git::write_context(&made.path, sha, &DockerIgnore::default(), &mut context).unwrap();
        let mut archive = tar::Archive::new(&context[..]);
        let names: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|e| e.unwrap().path().unwrap().display().to_string())
            .collect();
        assert_eq!(names, ["Dockerfile", "bin/run.sh"]);
    }

    #[test]
    fn notes_are_edited_in_place() {
        let root = tempfile::tempdir().unwrap();
        let forge = LocalForge::new(root.path().into(), String::new(), "/bin/x".into());
        let now = Timestamp(1_700_000_000_000);
        let made = forge
            .create("nuclei/team-a", "id-1", &files(), now)
            .unwrap();
        let sha = forge.refs("nuclei/team-a").unwrap()[0].1.clone();
        for text in ["first", "second", "second"] {
            git::set_note(&made.path, &sha, text, now).unwrap();
        }
        let repository = git2::Repository::open_bare(&made.path).unwrap();
        let oid = git2::Oid::from_str(sha.as_str()).unwrap();
        let note = repository.find_note(None, oid).unwrap();
        assert_eq!(note.message().unwrap(), "second");
        let mut walk = repository.revwalk().unwrap();
        walk.push_ref("refs/notes/commits").unwrap();
        assert_eq!(walk.count(), 2, "the same text again makes no commit");
    }

    #[test]
    fn a_hook_knows_its_address_and_survives_quotes_in_paths() {
        let root = tempfile::tempdir().unwrap();
        let forge = LocalForge::new(
            root.path().into(),
            "http://127.0.0.1:8030".into(),
            "/opt/it's/referee".into(),
        );
        let made = forge
            .create("nuclei/team-a", "id-1", &files(), Timestamp(0))
            .unwrap();
        let token = PageToken::from_bytes([7; 16]);
        forge.install_hook(&made.path, &token).unwrap();
        assert_eq!(
            hook_address(&made.path).unwrap(),
            ("http://127.0.0.1:8030".to_owned(), token)
        );
        let script = fs::read_to_string(made.path.join("hooks/post-receive")).unwrap();
        assert!(script.contains(r"program='/opt/it'\''s/referee'"));
    }
}
