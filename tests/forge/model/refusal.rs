//! Answers of many handlers: refusals with the message of the version, and pages of lists.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::state::{Repository, State};

impl State {
    fn swagger(&self) -> String {
        format!("{}/api/swagger", self.root)
    }

    /// A refusal with a message.
    pub(crate) fn refuse(&self, status: u16, message: &str) -> Answer {
        let body = json!({"message": message, "url": self.swagger()});
        Answer::json(status, &body)
    }

    /// The forge failed; only administrators see the reason.
    pub(crate) fn failed(&self) -> Answer {
        self.refuse(500, "")
    }

    /// 404 with the usual message.
    pub(crate) fn not_found(&self) -> Answer {
        self.absent(self.version.not_found(), &[])
    }

    /// 404 with a message and the errors behind it.
    pub(crate) fn absent(&self, message: &str, errors: &[String]) -> Answer {
        let list = if errors.is_empty() && !self.version.is_forgejo() { Value::Null } else { json!(errors) };
        let body = json!({"errors": list, "message": message, "url": self.swagger()});
        Answer::json(404, &body)
    }

    pub(crate) fn no_such_user(&self, login: &str) -> Answer {
        let error = format!("user does not exist [uid: 0, name: {login}]");
        self.absent("GetUserByName", &[error])
    }

    /// One page of a list, with the count of all and links to the other pages.
    pub(crate) fn page<T>(&self, call: &Call, all: Vec<T>, show: impl Fn(&T) -> Value) -> Answer {
        let (here, headers) = self.paged(call, all);
        let list: Vec<Value> = here.iter().map(show).collect();
        with_all(Answer::json(200, &json!(list)), headers)
    }

    /// The entries of the page that is asked for, and its headers.
    pub(crate) fn paged<T>(&self, call: &Call, all: Vec<T>) -> (Vec<T>, Vec<(String, String)>) {
        let (page, limit) = call.paging();
        let total = all.len();
        let mut headers = vec![("X-Total-Count".to_owned(), total.to_string())];
        if let Some(link) = self.links(call, total) {
            headers.push(("Link".to_owned(), link));
        }
        let here = all.into_iter().skip((page - 1) * limit).take(limit);
        (here.collect(), headers)
    }

    fn links(&self, call: &Call, total: usize) -> Option<String> {
        let (page, limit) = call.paging();
        let last = total.div_ceil(limit).max(1);
        let here = page.min(last);
        let at = |page: usize, rel: &str| format!("<{}{}>; rel=\"{rel}\"", self.root, call.at_page(page));
        let mut links = Vec::new();
        if here < last {
            links.push(at(here + 1, "next"));
            links.push(at(last, "last"));
        }
        if here > 1 {
            links.push(at(1, "first"));
            links.push(at(here - 1, "prev"));
        }
        (!links.is_empty()).then(|| links.join(","))
    }

    /// Refuses an account that is not an administrator of the repository.
    pub(crate) fn need_admin(&self, call: &Call, repository: &Repository) -> Result<(), Answer> {
        if self.is_repository_admin(call.account(), repository) {
            return Ok(());
        }
        Err(self.refuse(403, "user should be an owner or a collaborator with admin write of a repository"))
    }
}

/// An answer with more headers.
pub(super) fn with_all(mut answer: Answer, headers: Vec<(String, String)>) -> Answer {
    answer.headers.extend(headers);
    answer
}
