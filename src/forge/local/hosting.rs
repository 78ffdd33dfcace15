//! The repositories of the local forge on the disk, and their `post-receive` hook.

use std::fs;
use std::path::{Path, PathBuf};

use super::LocalForge;
use crate::forge::git::{self, CommitMessage, FileSet, GitError};
use crate::forge::{ForgeRepository, Hosting};
use crate::model::{PageToken, Timestamp};

type Result<T> = std::result::Result<T, GitError>;

/// Settings of every repository.
const CONFIG: [(&str, &str); 3] = [
    // Push options carry `-o watch`.
    ("receive.advertisePushOptions", "true"),
    // Git checks objects before it stores them: a malformed tree never reaches our reader.
    ("receive.fsckObjects", "true"),
    // Reports on earlier commits stay, also when a branch is rewound.
    ("core.logAllRefUpdates", "true"),
];

/// The key of a repository's id in its own configuration, so that the id survives a move.
const ID: &str = "referee.id";

impl LocalForge {
    /// All repositories with their ids, by name.
    pub(super) fn list(&self) -> Result<Vec<ForgeRepository>> {
        let mut found = Vec::new();
        for owner in directories(&self.root)? {
            for path in directories(&owner)? {
                let name = path.file_name().and_then(|n| n.to_str());
                let name = name.and_then(|n| n.strip_suffix(".git"));
                let owner = owner.file_name().and_then(|n| n.to_str());
                let (Some(owner), Some(name)) = (owner, name) else {
                    continue;
                };
                // A repository that is being created has no id yet; the next list has it.
                if let Ok(id) = id_of(&path) {
                    found.push(repository(id, format!("{owner}/{name}")));
                }
            }
        }
        found.sort_by(|a, b| a.full_name.cmp(&b.full_name));
        Ok(found)
    }
}

impl Hosting for LocalForge {
    fn path(&self, full_name: &str) -> PathBuf {
        self.root.join(format!("{full_name}.git"))
    }

    fn create(&self, full_name: &str, new_id: &str, files: &FileSet, now: Timestamp) -> Result<ForgeRepository> {
        let path = self.path(full_name);
        if let Ok(id) = id_of(&path) {
            return Ok(repository(id, full_name.to_owned()));
        }
        fs::create_dir_all(&path)?;
        let mut options = git2::RepositoryInitOptions::new();
        options.bare(true).initial_head("main").mkpath(true);
        let bare = git2::Repository::init_opts(&path, &options)?;
        if !files.is_empty() {
            let text = "Start from the template";
            let message = CommitMessage { text, now };
            git::commit_onto(&bare, "refs/heads/main", None, files, message)?;
        }
        // Last: a repository with an id is complete.
        set_config(&path, &[(ID, new_id)])?;
        Ok(repository(new_id.to_owned(), full_name.to_owned()))
    }

    fn install_hook(&self, full_name: &str, token: &PageToken) -> Result<()> {
        let path = self.path(full_name);
        let own = [("referee.url", self.url.as_str()), ("referee.token", token.as_str())];
        set_config(&path, &[&CONFIG[..], &own].concat())?;
        let hooks = path.join("hooks");
        fs::create_dir_all(&hooks)?;
        // Written under another name and renamed: a push at the same time runs the old hook or the new one.
        let fresh = hooks.join(".post-receive.new");
        fs::write(&fresh, hook_script(&self.program))?;
        set_executable(&fresh)?;
        fs::rename(&fresh, hooks.join("post-receive"))?;
        Ok(())
    }
}

fn repository(id: String, full_name: String) -> ForgeRepository {
    ForgeRepository { id, full_name, private: true, archived: false }
}

/// The daemon's address and the token for it, as a repository's hook finds them.
///
/// # Errors
/// The directory is not a repository of a local forge.
pub fn hook_address(git_dir: &Path) -> Result<(String, PageToken)> {
    let config = git2::Repository::open_bare(git_dir)?.config()?;
    let url = config.get_string("referee.url")?;
    let token =
        PageToken::new(config.get_string("referee.token")?).map_err(|e| GitError::Io(std::io::Error::other(e)))?;
    Ok((url, token))
}

/// The hook. It always succeeds, as the push does.
fn hook_script(program: &Path) -> String {
    let program = program.display().to_string().replace('\'', r"'\''");
    format!(
        "#!/bin/sh\n\
         # Notifies Referee of a push and shows its answer. The push itself has already succeeded, so nothing is\n\
         # lost when this script fails: the daemon looks at every repository once a minute.\n\
         program='{program}'\n\
         if [ -x \"$program\" ]; then\n\
         \texec \"$program\" hook post-receive\n\
         fi\n\
         echo \"Referee is not installed at $program. Your push is stored. Do not push again: the next sweep of \
             Referee reads it.\"\n\
         exit 0\n"
    )
}

/// The directories in a directory; none where it does not exist.
fn directories(path: &Path) -> Result<Vec<PathBuf>> {
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

fn id_of(path: &Path) -> Result<String> {
    let repository = git2::Repository::open_bare(path)?;
    let config = repository.config()?.open_level(git2::ConfigLevel::Local)?;
    Ok(config.get_string(ID)?)
}

fn set_config(path: &Path, values: &[(&str, &str)]) -> Result<()> {
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

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn forge(root: &Path, program: &str) -> LocalForge {
        LocalForge::new(root.into(), "http://127.0.0.1:8030".into(), program.into())
    }

    fn files() -> FileSet {
        let mut files = FileSet::new();
        files.insert("Dockerfile".to_owned(), (b"FROM scratch\n".to_vec(), false));
        files.insert("bin/run.sh".to_owned(), (b"#!/bin/sh\n".to_vec(), true));
        files
    }

    #[test]
    fn a_repository_is_made_once_and_read_back() {
        let root = tempfile::tempdir().unwrap();
        let forge = forge(root.path(), "/bin/x");
        let made = forge.create("nuclei/team-a", "id-1", &files(), NOW).unwrap();
        let again = forge.create("nuclei/team-a", "id-2", &files(), NOW).unwrap();
        assert_eq!(made, again);
        assert_eq!(forge.list().unwrap(), vec![made]);

        let path = forge.path("nuclei/team-a");
        let refs = git::refs(&path).unwrap();
        assert_eq!(refs.len(), 1);
        let (name, sha) = &refs[0];
        assert_eq!(name, "refs/heads/main");
        let commit = git::read_commit(&path, sha).unwrap();
        assert_eq!(commit.source.entries["bin/run.sh"].kind, EntryKind::File { executable: true });
        assert_eq!(commit.source.text("Dockerfile"), Some(&b"FROM scratch\n"[..]));

        let mut context = Vec::new();
        git::write_context(&path, sha, &DockerIgnore::default(), &mut context).unwrap();
        let mut archive = tar::Archive::new(&context[..]);
        let names: Vec<_> =
            archive.entries().unwrap().map(|e| e.unwrap().path().unwrap().display().to_string()).collect();
        assert_eq!(names, ["Dockerfile", "bin/run.sh"]);
    }

    #[test]
    fn notes_are_edited_in_place() {
        let root = tempfile::tempdir().unwrap();
        let forge = forge(root.path(), "/bin/x");
        forge.create("nuclei/team-a", "id-1", &files(), NOW).unwrap();
        let path = forge.path("nuclei/team-a");
        let sha = git::refs(&path).unwrap()[0].1.clone();
        for text in ["first", "second", "second"] {
            git::set_note(&path, &sha, text, NOW).unwrap();
        }
        let repository = git2::Repository::open_bare(&path).unwrap();
        let oid = git2::Oid::from_str(sha.as_str()).unwrap();
        let note = repository.find_note(None, oid).unwrap();
        assert_eq!(note.message().unwrap(), "second");
        let mut walk = repository.revwalk().unwrap();
        walk.push_ref(git::NOTES_REF).unwrap();
        assert_eq!(walk.count(), 2, "the same text again makes no commit");
    }

    #[test]
    fn a_hook_knows_its_address_and_survives_quotes_in_paths() {
        let root = tempfile::tempdir().unwrap();
        let forge = forge(root.path(), "/opt/it's/referee");
        forge.create("nuclei/team-a", "id-1", &files(), NOW).unwrap();
        let token = PageToken::from_bytes([7; 16]);
        forge.install_hook("nuclei/team-a", &token).unwrap();
        let path = forge.path("nuclei/team-a");
        assert_eq!(hook_address(&path).unwrap(), ("http://127.0.0.1:8030".to_owned(), token));
        let script = fs::read_to_string(path.join("hooks/post-receive")).unwrap();
        assert!(script.contains(r"program='/opt/it'\''s/referee'"));
    }
}
