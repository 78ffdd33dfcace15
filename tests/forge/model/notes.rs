//! Git notes. The right to read code allows reading them; only Forgejo writes them by API.

use serde_json::json;

use super::call::{Answer, Call, Reply};
use super::git::{self, Files};
use super::state::{Mode, State};

pub(super) const NOTES: &str = "refs/notes/commits";

impl State {
    pub(crate) fn in_notes(&mut self, call: &Call, id: i64, sha: &str) -> Reply {
        let mode = self.unit_mode(call.account(), self.repository(id), "repo.code");
        if mode < Mode::Read {
            return Err(self.not_found());
        }
        match call.method.as_str() {
            "GET" => self.note(id, sha),
            _ if !self.version.is_forgejo() => Err(Answer::wrong_method("GET")),
            _ if mode < Mode::Write => {
                Err(self.refuse(403, "user should have a permission to write to the target branch"))
            }
            "POST" => {
                let sha = self.annotated(id, sha)?;
                let text = format!("{}\n", call.text("message")).into_bytes();
                self.write_note(id, call.me(), &sha, Some(text));
                self.note(id, &sha)
            }
            "DELETE" => {
                let sha = self.annotated(id, sha)?;
                self.note(id, &sha)?;
                self.write_note(id, call.me(), &sha, None);
                Ok(Answer::empty(204))
            }
            _ => Err(Answer::wrong_method("GET, POST, DELETE")),
        }
    }

    fn annotated(&self, id: i64, sha: &str) -> Result<String, Answer> {
        let git = self.git(id);
        let commit = git::resolve(&git, sha).map(|commit| commit.id().to_string());
        commit.ok_or_else(|| self.no_such_commit(sha))
    }

    /// The note of a commit with the newest commit that changed it.
    fn note(&self, id: i64, sha: &str) -> Reply {
        let git = self.git(id);
        let head = git.refname_to_id(NOTES).map_err(|_| self.no_such_commit(sha))?;
        let tree = git.find_commit(head).unwrap().tree().unwrap();
        let Ok(entry) = tree.get_path(sha.as_ref()) else {
            return Err(self.no_such_commit(sha));
        };
        let blob = git.find_blob(entry.id()).unwrap();
        let last = git.find_commit(git::last_change(&git, head, sha)).unwrap();
        let changes = git::changes(&git, &last);
        let body = json!({
            "message": String::from_utf8_lossy(blob.content()),
            "commit": self.commit(id, &last, Some(changes), true),
        });
        Ok(Answer::json(200, &body))
    }

    fn write_note(&self, id: i64, who: i64, sha: &str, text: Option<Vec<u8>>) {
        let git = self.git(id);
        let head = git.refname_to_id(NOTES).ok();
        let message =
            if text.is_some() { "Notes added by 'git notes add'\n" } else { "Notes removed by 'git notes remove'\n" };
        let files = Files::from([(sha.to_owned(), text)]);
        let commit = git::commit(&git, head, &files, &self.author(who), message);
        git::point(&git, NOTES, commit);
    }
}
