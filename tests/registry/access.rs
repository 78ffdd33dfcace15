//! Credentials, tokens and redirects: which host sees which; and answers that are too long or wrong.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Response, Uri};
use referee::forge::registry::{Registry, RegistryError};
use referee::model::{Digest, limits};

use super::image::{layer, parts};
use super::server::{Access, PASSWORD, Server, account};

const NAME: &str = "phakir/team-a";

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_registry_accepts_the_right_token_only() {
    let Some(server) = Server::start(Access::Locked).await else {
        return;
    };
    let pinned = parts(&[layer("run", b"x")]).push(&server, NAME, "phase").await;
    let registry = server.registry();
    assert_eq!(registry.manifest(NAME, "phase").await.unwrap().digest, pinned);
    let unknown = registry.manifest(NAME, "other").await.unwrap_err();
    assert!(matches!(unknown, RegistryError::NotFound(_)), "{unknown}");
    let unknown = registry.tags("phakir/unknown").await.unwrap_err();
    assert!(matches!(unknown, RegistryError::NotFound(_)), "{unknown}");

    let address = format!("http://{}", server.address);
    for account in [Some(account("wrong-password")), None] {
        let registry = Registry::new(&address, account).unwrap();
        let error = registry.tags(NAME).await.unwrap_err();
        assert!(matches!(error, RegistryError::Auth(_)), "{error}");
        assert!(!error.is_retryable());
        assert!(!format!("{error} {error:?}").contains("wrong-password"));
    }
    drop(server);
    let error = Registry::new(&address, None).unwrap().tags(NAME).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_pages_of_tags_are_read() {
    let Some(server) = Server::start(Access::Open).await else {
        return;
    };
    let many = limits::REGISTRY_TAGS_PAGE * 2 + 1;
    parts(&[layer("run", b"x")]).push(&server, NAME, "v-0000").await;
    let text = server.registry().manifest(NAME, "v-0000").await.unwrap().bytes;
    let text = serde_json::from_slice(&text).unwrap();
    for n in 1..many {
        server.push_manifest(NAME, &format!("v-{n:04}"), &text).await;
    }
    let mut tags = server.registry().tags(NAME).await.unwrap();
    tags.sort();
    let wanted: Vec<_> = (0..many).map(|n| format!("v-{n:04}")).collect();
    assert_eq!(tags, wanted);
}

/// Requested paths, each with its `Authorization` header.
type Seen = Vec<(String, Option<String>)>;

/// A host with scripted answers that remembers its requests.
struct Host {
    address: String,
    seen: Arc<Mutex<Seen>>,
    task: tokio::task::JoinHandle<()>,
}

impl Host {
    async fn start(answer: impl Fn(&Uri, Option<&str>) -> Response<Body> + Clone + Send + Sync + 'static) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let remembered = seen.clone();
        let app = Router::new().fallback(move |uri: Uri, headers: HeaderMap| {
            let shown = headers.get("authorization");
            let shown = shown.map(|value| value.to_str().unwrap().to_owned());
            let response = answer(&uri, shown.as_deref());
            remembered.lock().unwrap().push((uri.to_string(), shown));
            async move { response }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, seen, task }
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    fn registry(&self) -> Registry {
        Registry::new(&self.address, Some(account(PASSWORD))).unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

const BASIC: (&str, &str) = ("www-authenticate", "Basic realm=\"x\"");

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_carries_no_credentials() {
    let digest = Digest::of(b"blob");
    let store = Host::start(|_, _| reply(200, &[], "blob")).await;
    let elsewhere = format!("{}/key?signature=hush", store.address);
    let own = Host::start(move |uri, shown| match (shown, uri.path()) {
        (None, _) => reply(401, &[BASIC], ""),
        (_, "/moved") => reply(302, &[("location", &elsewhere)], ""),
        _ => reply(307, &[("location", "/moved")], ""),
    })
    .await;
    let bytes = own.registry().blob_bytes(NAME, &digest, 100).await.unwrap();
    assert_eq!(bytes, b"blob");
    let seen = own.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen[1].1.as_ref().unwrap().starts_with("Basic "));
    assert!(seen[2].1.as_ref().unwrap().starts_with("Basic "));
    assert_eq!(store.seen(), [("/key?signature=hush".to_owned(), None)]);

    let error = own.registry().blob_bytes(NAME, &digest, 3).await.unwrap_err();
    assert!(matches!(error, RegistryError::TooLarge { limit: 3, .. }), "{error}");
    let other = Digest::of(b"other");
    let error = own.registry().blob_bytes(NAME, &other, 100).await.unwrap_err();
    assert!(matches!(error, RegistryError::DigestMismatch { .. }), "{error}");
    assert!(!format!("{error:?}").contains("hush"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_back_carries_no_credentials_either() {
    let own_address = Arc::new(Mutex::new(String::new()));
    let back = own_address.clone();
    let store = Host::start(move |_, _| {
        let back = back.lock().unwrap().clone();
        reply(302, &[("location", &format!("{back}/back"))], "")
    })
    .await;
    let away = store.address.clone();
    let own = Host::start(move |uri, _| match uri.path() {
        "/back" => reply(200, &[], "blob"),
        _ => reply(302, &[("location", &away)], ""),
    })
    .await;
    own.address.clone_into(&mut own_address.lock().unwrap());
    let digest = Digest::of(b"blob");
    own.registry().blob_bytes(NAME, &digest, 100).await.unwrap();
    assert_eq!(own.seen()[1], ("/back".to_owned(), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_end_and_are_for_blobs_only() {
    let host = Host::start(|_, _| reply(302, &[("location", "/again")], "")).await;
    let digest = Digest::of(b"blob");
    let error = host.registry().blob_bytes(NAME, &digest, 100).await.unwrap_err();
    assert!(matches!(error, RegistryError::Protocol(_)), "{error}");
    assert_eq!(host.seen().len(), limits::REGISTRY_REDIRECTS_MAX + 1);
    let error = host.registry().manifest(NAME, "x").await.unwrap_err();
    assert!(matches!(error, RegistryError::Protocol(_)), "{error}");
    for location in ["ftp://x/", "file:///etc/passwd", "http://"] {
        let host = Host::start(move |_, _| reply(302, &[("location", location)], "")).await;
        let error = host.registry().blob_bytes(NAME, &digest, 100).await.unwrap_err();
        assert!(matches!(error, RegistryError::Protocol(_)), "{error}");
    }
}

/// A registry that asks for a token from an address.
async fn with_realm(realm: impl Fn(&Uri) -> String + Clone + Send + Sync + 'static) -> Host {
    Host::start(move |uri, shown| {
        if uri.path() == "/token" {
            return reply(200, &[], r#"{"token":"t1"}"#);
        }
        let challenge = format!("Bearer realm=\"{}\",service=\"s\"", realm(uri));
        match shown {
            Some("Bearer t1") => reply(200, &[], r#"{"tags":["phase"]}"#),
            _ => reply(401, &[("www-authenticate", &challenge)], ""),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_asked_of_the_registry_or_a_configured_host() {
    let own = Arc::new(Mutex::new(String::new()));
    let known = own.clone();
    let host = with_realm(move |_| format!("{}/token", known.lock().unwrap())).await;
    host.address.clone_into(&mut own.lock().unwrap());
    let registry = host.registry();
    assert_eq!(registry.tags(NAME).await.unwrap(), ["phase"]);
    assert_eq!(registry.tags(NAME).await.unwrap(), ["phase"]);
    let seen = host.seen();
    let paths: Vec<_> = seen.iter().map(|(uri, _)| uri.as_str()).collect();
    let list = format!("/v2/{NAME}/tags/list?n={}", limits::REGISTRY_TAGS_PAGE);
    let token = "/token?service=s&scope=repository%3Aphakir%2Fteam-a%3Apull";
    assert_eq!(paths, [&list, token, &list, &list]);
    assert!(seen[1].1.as_ref().unwrap().starts_with("Basic "));

    let other = with_realm(|_| String::new()).await;
    let foreign = format!("{}/token", other.address);
    let host = with_realm(move |_| foreign.clone()).await;
    let error = host.registry().tags(NAME).await.unwrap_err();
    assert!(matches!(error, RegistryError::Protocol(_)), "{error}");
    assert_eq!(other.seen(), []);
    let configured = host.registry().with_token_origin(&other.address).unwrap();
    assert_eq!(configured.tags(NAME).await.unwrap(), ["phase"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_bounded_and_compared() {
    let kind = ("content-type", "application/vnd.oci.image.manifest.v1+json");
    let long = Host::start(move |_, _| reply(200, &[kind], vec![b' '; limits::MANIFEST_BYTES_MAX + 1])).await;
    let error = long.registry().manifest(NAME, "x").await.unwrap_err();
    assert!(matches!(error, RegistryError::TooLarge { .. }), "{error}");

    let lie = Digest::of(b"lie").to_string();
    let claimed = lie.clone();
    let host = Host::start(move |_, _| reply(200, &[kind, ("docker-content-digest", &claimed)], "{}")).await;
    let error = host.registry().manifest(NAME, "x").await.unwrap_err();
    assert!(matches!(error, RegistryError::DigestMismatch { .. }), "{error}");

    let plain = Host::start(move |_, _| reply(200, &[kind], "{}")).await;
    let registry = plain.registry();
    assert_eq!(registry.manifest(NAME, "x").await.unwrap().digest, Digest::of(b"{}"));
    let error = registry.manifest(NAME, &lie).await.unwrap_err();
    assert!(matches!(error, RegistryError::DigestMismatch { .. }), "{error}");

    let busy = Host::start(|_, _| reply(503, &[], "")).await;
    assert!(busy.registry().tags(NAME).await.unwrap_err().is_retryable());
    let before = busy.seen().len();
    for bad in ["../admin", "a?x=", "A"] {
        assert!(busy.registry().tags(bad).await.is_err());
        assert!(busy.registry().manifest(NAME, &bad.replace('A', "a/b")).await.is_err());
    }
    assert_eq!(busy.seen().len(), before, "nothing was sent");
}
