//! Container images as packages in the API.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::call::{Answer, Call, Reply};
use super::shape::{Viewer, time};
use super::state::{Mode, Package, State};

/// An image that is pushed.
pub(crate) struct Image<'a> {
    pub name: &'a str,
    pub tag: &'a str,
    pub manifest: &'a [u8],
    /// Configuration and layers with their media types.
    pub blobs: &'a [(&'a str, &'a [u8])],
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

impl State {
    /// The packages after a push of an image. The same tag again is a new version with a new number.
    pub(crate) fn put_image(&mut self, owner: i64, creator: i64, image: &Image) {
        for (media, bytes) in image.blobs {
            self.blobs.insert(digest(bytes), ((*media).to_owned(), bytes.to_vec()));
        }
        if !self.packages.iter().any(|p| p.owner == owner && p.name == image.name) {
            // The forge keeps a hidden version for uploads.
            self.next("package");
        }
        let parsed: Value = serde_json::from_slice(image.manifest).unwrap_or_default();
        let media = parsed["mediaType"].as_str().unwrap_or_default().to_owned();
        self.blobs.insert(digest(image.manifest), (media, image.manifest.to_vec()));
        let same = |p: &Package| p.owner == owner && p.name == image.name && p.version == image.tag;
        self.packages.retain(|package| !same(package));
        let package = Package {
            id: self.next("package"),
            owner,
            creator,
            name: image.name.to_owned(),
            version: image.tag.to_owned(),
            repository: None,
            digest: digest(image.manifest),
            created: self.now(),
        };
        self.packages.push(package.clone());
        self.announce_package(&package, creator, "created");
    }

    /// The rights of an account for the packages of an owner.
    pub(crate) fn packages_mode(&self, who: Option<i64>, owner: i64) -> Mode {
        let Some(who) = who else {
            return Mode::None;
        };
        if who == owner || self.account(who).is_admin || self.is_owner(who, owner) {
            return Mode::Owner;
        }
        let teams = self.teams.iter();
        let teams = teams.filter(|t| t.organization == owner && t.members.contains(&who));
        let modes = teams.filter_map(|team| team.units.get("repo.packages").copied());
        modes.max().unwrap_or(Mode::None)
    }

    pub(crate) fn in_packages(&mut self, call: &Call, owner: &str, rest: &[&str]) -> Reply {
        if self.registry_is_off {
            return Err(Answer::no_such_page());
        }
        let owner = self.account_named(owner).map(|account| account.id);
        let owner = owner.ok_or_else(|| self.not_found())?;
        let mode = self.packages_mode(call.account(), owner);
        if mode < Mode::Read {
            return Err(self.refuse(403, "user should have specific permission or be a site admin"));
        }
        let one = |name: &str, version: &str| {
            let mut all = self.packages.iter();
            let found = all.find(|p| p.owner == owner && p.name == name && p.version == version);
            found.cloned().ok_or_else(|| self.not_found())
        };
        match (call.method.as_str(), rest) {
            ("GET", []) => {
                let all = self.packages.iter().rev().filter(|package| package.owner == owner);
                let all: Vec<&Package> = all.collect();
                Ok(self.page(call, all, |package| self.package(package, call.account())))
            }
            ("GET", ["container", name, version]) => {
                let package = one(name, version)?;
                Ok(Answer::json(200, &self.package(&package, call.account())))
            }
            ("POST", ["container", name, "-", "link", repository]) => self.link(call, owner, name, repository),
            ("DELETE", ["container", _, _]) if mode < Mode::Write => Err(self.refuse(403, "")),
            ("DELETE", ["container", name, version]) => {
                let package = one(name, version)?;
                self.packages.retain(|other| other.id != package.id);
                self.announce_package(&package, call.me(), "deleted");
                Ok(Answer::empty(204))
            }
            _ => Err(Answer::no_such_page()),
        }
    }

    fn link(&mut self, call: &Call, owner: i64, name: &str, repository: &str) -> Reply {
        if self.version.is_old() {
            return Err(Answer::no_such_page());
        }
        if self.packages_mode(call.account(), owner) < Mode::Write {
            return Err(self.refuse(403, ""));
        }
        let login = self.account(owner).login.clone();
        let repository = self.repository_named(&login, repository).map(|found| found.id);
        let repository = repository.ok_or_else(|| self.not_found())?;
        let of = self.packages.iter_mut().filter(|p| p.owner == owner && p.name == name);
        of.for_each(|package| package.repository = Some(repository));
        Ok(Answer::empty(201))
    }

    pub(crate) fn package(&self, package: &Package, who: Option<i64>) -> Value {
        let owner = self.account(package.owner).login.clone();
        let linked = package.repository.and_then(|id| {
            let mut all = self.repositories.iter();
            all.find(|repository| repository.id == id)
        });
        let path = format!("packages/container/{}/{}", package.name, package.version);
        json!({
            "id": package.id,
            "owner": self.user(package.owner, Viewer::of(who)),
            "repository": linked.map(|repository| self.repo(repository, who)),
            "creator": self.user(package.creator, Viewer::of(who)),
            "type": "container",
            "name": package.name,
            "version": package.version,
            "html_url": format!("{}/{owner}/-/{path}", self.root),
            "created_at": time(package.created),
        })
    }
}
