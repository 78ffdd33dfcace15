//! A registry for one test: its folder, its process, its port; and pushes without an engine.
//!
//! It ends the process that it started by its handle, and touches no other process.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use referee::config::Secret;
use referee::forge::credentials;
use referee::forge::registry::{Registry, RegistryAccount};
use referee::model::Digest;

use super::image::Parts;

pub(crate) const USER: &str = "team";
pub(crate) const PASSWORD: &str = "a-long-password";
/// bcrypt of the password, as `htpasswd -B` writes it.
const HTPASSWD: &str = "team:$2y$05$GWwIqDKJ2k205U4wez58weGMi4ZllazOSAn3v76ZLGwgzRBDiN4Um\n";

pub(crate) struct Server {
    pub address: String,
    pub folder: tempfile::TempDir,
    pub client: reqwest::Client,
    process: Child,
    locked: bool,
}

/// Whether reading needs the password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Open,
    Locked,
}

/// The account with this password.
pub(crate) fn account(password: &str) -> RegistryAccount {
    RegistryAccount { user: USER.to_owned(), credentials: credentials::fixed(&Secret::new(password)) }
}

impl Server {
    /// `None` where the package is missing, which is an error under CI.
    pub(crate) async fn start(access: Access) -> Option<Self> {
        // reqwest wants a provider before its first client, also for plain HTTP.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let address = format!("127.0.0.1:{port}");
        let storage = folder.path().join("storage");
        let mut config = format!(
            "version: 0.1\nlog: {{ level: error, accesslog: {{ disabled: true }} }}\n\
             storage: {{ filesystem: {{ rootdirectory: {} }}, delete: {{ enabled: true }} }}\n\
             http: {{ addr: '{address}', secret: test }}\n\
             validation: {{ manifests: {{ urls: {{ allow: ['.*'] }} }} }}\n",
            storage.display()
        );
        let locked = access == Access::Locked;
        if locked {
            let users = folder.path().join("htpasswd");
            std::fs::write(&users, HTPASSWD).unwrap();
            config.push_str(&format!("auth: {{ htpasswd: {{ realm: test, path: {} }} }}\n", users.display()));
        }
        let file = folder.path().join("config.yml");
        std::fs::write(&file, config).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let started = Command::new("docker-registry").arg("serve").arg(&file).stdout(Stdio::null()).stderr(log).spawn();
        let Ok(process) = started else {
            super::missing("no docker-registry: apt-get install docker-registry");
            return None;
        };
        let server =
            Self { address, folder, client: reqwest::Client::builder().no_proxy().build().unwrap(), process, locked };
        server.wait().await;
        Some(server)
    }

    async fn wait(&self) {
        for _ in 0..300 {
            if self.client.get(self.url("")).send().await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let log = std::fs::read_to_string(self.folder.path().join("log"));
        panic!("the registry did not come up: {log:?}");
    }

    pub(crate) fn url(&self, rest: &str) -> String {
        format!("http://{}/v2/{rest}", self.address)
    }

    pub(crate) fn registry(&self) -> Registry {
        let account = self.locked.then(|| account(PASSWORD));
        Registry::new(&format!("http://{}", self.address), account).unwrap()
    }

    fn request(&self, method: reqwest::Method, url: String) -> reqwest::RequestBuilder {
        let request = self.client.request(method, url);
        if self.locked { request.basic_auth(USER, Some(PASSWORD)) } else { request }
    }

    pub(crate) async fn push_blob(&self, repository: &str, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        let begin = self
            .request(reqwest::Method::POST, self.url(&format!("{repository}/blobs/uploads/")))
            .send()
            .await
            .unwrap();
        assert_eq!(begin.status(), 202);
        let mut location = reqwest::Url::parse(begin.headers()["location"].to_str().unwrap()).unwrap();
        location.query_pairs_mut().append_pair("digest", digest.as_str());
        let sent = self
            .request(reqwest::Method::PUT, location.to_string())
            .header("content-type", "application/octet-stream")
            .body(bytes)
            .send()
            .await
            .unwrap();
        assert_eq!(sent.status(), 201);
        digest
    }

    pub(crate) async fn push_manifest(&self, repository: &str, tag: &str, text: &serde_json::Value) -> Digest {
        let media_type = text["mediaType"].as_str().unwrap().to_owned();
        let bytes = text.to_string().into_bytes();
        let digest = Digest::of(&bytes);
        let url = self.url(&format!("{repository}/manifests/{tag}"));
        let sent = self
            .request(reqwest::Method::PUT, url)
            .header("content-type", media_type)
            .body(bytes)
            .send()
            .await
            .unwrap();
        let status = sent.status();
        assert_eq!(status, 201, "{}", sent.text().await.unwrap());
        digest
    }

    pub(crate) async fn delete_manifest(&self, repository: &str, digest: &Digest) {
        let url = self.url(&format!("{repository}/manifests/{digest}"));
        let sent = self.request(reqwest::Method::DELETE, url).send().await.unwrap();
        assert_eq!(sent.status(), 202);
    }

    /// The file of a blob, for a test that damages it.
    pub(crate) fn blob_file(&self, digest: &Digest) -> PathBuf {
        let blobs = "storage/docker/registry/v2/blobs/sha256";
        let folder = self.folder.path().join(blobs).join(&digest.hex()[..2]);
        folder.join(digest.hex()).join("data")
    }
}

impl Parts {
    /// Pushes the image under a tag.
    pub(crate) async fn push(self, server: &Server, repository: &str, tag: &str) -> Digest {
        let (blobs, manifest) = self.finished();
        for blob in blobs {
            server.push_blob(repository, blob).await;
        }
        server.push_manifest(repository, tag, &manifest).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that was free just now.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
