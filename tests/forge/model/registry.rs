//! The registry below `/v2`: manifests and blobs, read and pushed, and its tokens.
//!
//! It takes a blob in one piece. A manifest without a tag is deleted.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::packages::{Image, digest};
use super::state::{Mode, Package, State};

impl State {
    /// Answers a request to the registry.
    pub(crate) fn registry(&mut self, call: &Call, body: &[u8]) -> Answer {
        let steps: Vec<&str> = call.steps.iter().map(String::as_str).collect();
        if self.registry_is_off {
            return Answer::no_such_page();
        }
        match steps[..] {
            [""] if call.who.is_some() => return registry_json(200, &json!({})),
            ["token"] => return self.registry_token(call),
            _ => {}
        }
        let owner = steps.first().and_then(|owner| self.account_named(owner));
        let Some(owner) = owner.map(|owner| owner.id) else {
            return self.unauthorized();
        };
        let reads = matches!(call.method.as_str(), "GET" | "HEAD");
        let wanted = if reads { Mode::Read } else { Mode::Write };
        if self.packages_mode(call.account(), owner) < wanted || !covers(call, reads) {
            return self.unauthorized();
        }
        match (call.method.as_str(), &steps[1..]) {
            ("GET", [name, "tags", "list"]) => self.image_tags(owner, steps[0], name),
            ("GET" | "HEAD", [name, "manifests", reference]) => {
                let mut all = self.packages.iter().filter(|p| p.owner == owner);
                let named = all.find(|p| p.name == *name && (p.version == *reference || p.digest == *reference));
                self.registry_bytes(call, named.map(|package| package.digest.as_str()))
            }
            ("GET" | "HEAD", [_, "blobs", digest]) => self.registry_bytes(call, Some(*digest)),
            ("POST", [name, "blobs", "uploads", ""]) => {
                let upload = self.next("upload");
                let location = format!("/v2/{}/{name}/blobs/uploads/{upload}", steps[0]);
                Answer::empty(202).with("Location", &location)
            }
            ("PUT", [_, "blobs", "uploads", _]) => self.put_blob(call, body),
            ("PUT", [name, "manifests", tag]) => {
                let (name, tag) = (*name, *tag);
                let image = Image { name, tag, manifest: body, blobs: &[] };
                self.put_manifest(owner, call.me(), &image)
            }
            _ => Answer::no_such_page(),
        }
    }

    fn put_blob(&mut self, call: &Call, body: &[u8]) -> Answer {
        let found = digest(body);
        if call.query.get("digest") != Some(&found) {
            return registry_error(400, "DIGEST_INVALID");
        }
        let media = "application/octet-stream".to_owned();
        self.blobs.insert(found.clone(), (media, body.to_vec()));
        Answer::empty(201).with("Docker-Content-Digest", &found)
    }

    fn put_manifest(&mut self, owner: i64, creator: i64, image: &Image) -> Answer {
        let parsed: Value = serde_json::from_slice(image.manifest).unwrap_or_default();
        let layers = parsed["layers"].as_array().into_iter().flatten();
        for part in layers.chain([&parsed["config"]]) {
            if !self.blobs.contains_key(part["digest"].as_str().unwrap_or_default()) {
                return registry_error(404, "MANIFEST_BLOB_UNKNOWN");
            }
        }
        self.put_image(owner, creator, image);
        Answer::empty(201).with("Docker-Content-Digest", &digest(image.manifest))
    }

    /// The content of a digest.
    fn registry_bytes(&self, call: &Call, digest: Option<&str>) -> Answer {
        let kept = digest.and_then(|digest| Some((digest, self.blobs.get(digest)?)));
        let Some((digest, (media, bytes))) = kept else {
            return registry_error(404, "MANIFEST_UNKNOWN");
        };
        let answer = Answer::empty(200)
            .with("Content-Type", media)
            .with("Docker-Content-Digest", digest)
            .with("Etag", &format!("\"{digest}\""));
        let body = match call.method.as_str() {
            "HEAD" => Vec::new(),
            _ => bytes.clone(),
        };
        answer.body(body)
    }

    fn image_tags(&self, owner: i64, login: &str, name: &str) -> Answer {
        let of = |p: &&Package| p.owner == owner && p.name == name;
        let of = self.packages.iter().filter(of);
        let mut tags: Vec<&str> = of.map(|package| package.version.as_str()).collect();
        tags.sort_unstable();
        let body = json!({"name": format!("{login}/{name}"), "tags": tags});
        let last = tags.last().copied().unwrap_or_default();
        let link = format!("</v2/{login}/{name}/tags/list?last={last}>; rel=\"next\"");
        registry_json(200, &body).with("Link", &link)
    }

    /// A token with the rights of its owner's credentials.
    fn registry_token(&mut self, call: &Call) -> Answer {
        let Some(who) = call.who.clone() else {
            return self.unauthorized();
        };
        let scopes = who.scopes.unwrap_or_else(|| vec!["all".to_owned()]);
        let (_, token, _) = self.make_token(who.account, scopes);
        registry_json(200, &json!({ "token": token }))
    }

    fn unauthorized(&self) -> Answer {
        let realm = format!("Bearer realm=\"{}/v2/token\",service=\"container_registry\",scope=\"*\"", self.root);
        let answer = registry_error(401, "UNAUTHORIZED").with("Www-Authenticate", &realm);
        if self.version.is_latest() {
            return answer.with("Www-Authenticate", "Basic realm=\"Gitea Container Registry\"");
        }
        answer
    }
}

/// Whether a token's scopes cover the registry; a password covers all.
fn covers(call: &Call, reads: bool) -> bool {
    let scopes = call.who.as_ref().and_then(|who| who.scopes.as_ref());
    scopes.is_none_or(|scopes| {
        scopes.iter().any(|scope| match scope.as_str() {
            "all" | "write:package" => true,
            "read:package" => reads,
            _ => false,
        })
    })
}

fn registry_error(status: u16, code: &str) -> Answer {
    let body = json!({"errors": [{"code": code, "message": ""}]});
    registry_json(status, &body)
}

/// The registry answers with plain `application/json`.
fn registry_json(status: u16, body: &Value) -> Answer {
    let bytes = Answer::json(status, body).body;
    Answer::empty(status).with("Content-Type", "application/json").body(bytes)
}
