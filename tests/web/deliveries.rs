//! `POST /hooks/{forge}`: the answers, and the stored deliveries.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use referee::forge::signature::WebhookSecret;
use referee::model::limits;
use referee::pipeline::intake;
use referee::store::{DeliveryKind, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::log;
use crate::recording_archive::recordings;
use crate::server::{SECRETS, Server};
use crate::wire::{SIGNATURES, Wire};

const PUSH: &str = "gitea-1.27-dev/push-update";

fn push() -> Wire {
    Wire::fixture(PUSH)
}

async fn stored_deliveries(server: &Server) -> usize {
    server.app.context.store.delivery_notes().await.unwrap().len()
}

#[tokio::test]
async fn a_delivery_that_arrives_twice_is_stored_once() {
    let server = Server::start().await;
    let first = push().send(&server).await;
    assert_eq!((first.status.as_u16(), &*first.body), (202, "received\n"));
    // Like "Redeliver" on the forge's page: another delivery id with the same bytes.
    let again = push().with("x-gitea-delivery", "00000000-0000-0000-0000-000000000000");
    let second = again.send(&server).await;
    assert_eq!((second.status.as_u16(), &*second.body), (200, "received before\n"));
    assert_eq!(stored_deliveries(&server).await, 1);
}

#[tokio::test]
async fn a_ping_is_answered_and_not_stored() {
    let server = Server::start().await;
    let answer = Wire::fixture("gitea-1.27-dev/ping").send(&server).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "here\n"));
    assert_eq!(stored_deliveries(&server).await, 0);
}

#[tokio::test]
async fn every_delivery_without_a_valid_signature_gets_the_same_answer() {
    let server = Server::start().await;
    let wrong = WebhookSecret::new("not-the-right-secret").unwrap();
    let forged = wrong.sign(&push().body);
    let mut tampered = push();
    tampered.body.push(b' ');
    for (problem, wire) in [
        ("no header", push().unsigned()),
        ("empty", push().with(SIGNATURES[0], "")),
        ("another secret", push().unsigned().with(SIGNATURES[0], &forged)),
        ("one right, one wrong", push().with(SIGNATURES[0], &forged)),
        ("SHA-1 alone", push().unsigned().with("x-hub-signature", "sha1=00")),
        ("another body", tampered),
        ("hook without secret", Wire::fixture("gitea-1.27-dev/push-without-secret")),
    ] {
        let answer = wire.send(&server).await;
        // Different answers would help an attacker to guess.
        assert_eq!((answer.status.as_u16(), &*answer.body), (401, "not authenticated\n"), "{problem}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    assert_eq!(stored_deliveries(&server).await, 0);
}

#[tokio::test]
async fn the_old_and_the_new_secret_are_both_valid() {
    let server = Server::start().await;
    for (n, secret) in SECRETS.iter().enumerate() {
        let mut body = push().body;
        // Another body with the same meaning.
        body.extend(vec![b'\n'; n + 1]);
        let answer = push().signed(&body, secret).send(&server).await;
        assert_eq!(answer.status.as_u16(), 202);
    }
    assert_eq!(stored_deliveries(&server).await, 2);
}

#[tokio::test]
async fn refusals_explain_to_the_owner_of_the_hook_how_to_fix_it() {
    let server = Server::start().await;
    let form = Wire::fixture("gitea-1.27-dev/push-as-form").send(&server).await;
    assert_eq!(form.status.as_u16(), 415);
    assert!(form.body.contains("application/json"), "{}", form.body);

    let truncated = push().signed(br#"{"ref": "refs/heads/main""#, SECRETS[0]);
    let answer = truncated.send(&server).await;
    assert_eq!(answer.status.as_u16(), 400);

    let number = push().changed("\"full_name\": \"phakir/team-alpha\"", "\"full_name\": 7");
    let answer = number.send(&server).await;
    assert_eq!(answer.status.as_u16(), 400);
    assert!(answer.body.contains("`repository.full_name`"), "{}", answer.body);

    // The answer does not show whether a forge is configured or local.
    for forge in ["nowhere", "local", "..%2f", "GITEA"] {
        let answer = push().send_to(&server, forge).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (404, "no such forge\n"), "{forge}");
    }
    let opened = server.get("/hooks/gitea").await;
    assert_eq!(opened.status.as_u16(), 405);
    assert_eq!(opened.header("allow"), "POST");
    assert_eq!(stored_deliveries(&server).await, 0);
}

#[tokio::test]
async fn a_body_with_too_large_an_announced_size_is_not_read() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.app.context.settings.listen).await.unwrap();
    let length = limits::DELIVERY_BYTES_MAX + 1;
    let head = format!(
        "POST /hooks/gitea HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The answer arrives before any byte of the body was sent.
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_body_of_unknown_size_is_not_read_beyond_the_limit() {
    let server = Server::start().await;
    let chunk = Bytes::from(vec![b' '; 1024 * 1024]);
    // 64 MiB without an announced length.
    let chunks = tokio_stream::iter((0..64).map(move |_| Ok::<_, std::io::Error>(chunk.clone())));
    let request = server
        .client
        .post(format!("{}/hooks/gitea", server.url))
        .header("content-type", "application/json")
        .body(reqwest::Body::wrap_stream(chunks));
    // A client that is still sending may find the connection closed instead of the answer.
    if let Ok(answer) = request.send().await {
        assert_eq!(answer.status().as_u16(), 413);
    }
    assert_eq!(stored_deliveries(&server).await, 0);
}

#[tokio::test]
async fn a_body_of_the_largest_size_is_accepted() {
    let server = Server::start().await;
    let mut body = push().body;
    body.resize(limits::DELIVERY_BYTES_MAX, b' ');
    let answer = push().signed(&body, SECRETS[0]).send(&server).await;
    assert_eq!(answer.status.as_u16(), 202, "{}", answer.body);
}

#[tokio::test]
async fn a_slow_body_times_out_and_does_not_delay_other_deliveries() {
    let server = Server::start().await;
    let mut slow = TcpStream::connect(server.app.context.settings.listen).await.unwrap();
    let head = "POST /hooks/gitea HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                Content-Length: 1000\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();
    let started = Instant::now();
    assert_eq!(push().send(&server).await.status.as_u16(), 202);
    let mut answer = String::new();
    let reading = slow.read_to_string(&mut answer);
    let patience = limits::DELIVERY_READ_TIME.std() + Duration::from_secs(10);
    tokio::time::timeout(patience, reading).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(started.elapsed() >= limits::DELIVERY_READ_TIME.std());
}

#[tokio::test]
async fn a_delivery_of_an_unknown_repository_is_only_noted_and_logged() {
    let server = Server::start().await;
    let id = "918273645";
    let wire = push().changed("\"id\": 4,\n    \"owner\"", &format!("\"id\": {id},\n    \"owner\""));
    assert_eq!(wire.send(&server).await.status.as_u16(), 202);
    assert_eq!(intake::step(&server.app, DeliveryKind::Other).await.unwrap(), 1);
    let notes = server.app.context.store.delivery_notes().await.unwrap();
    assert_eq!(notes[0].1.as_deref(), Some("ignored: unknown repository"));
    let log = log::text();
    let line = log.lines().find(|l| l.contains(id)).expect("a line");
    assert!(line.contains("unknown repository"), "{line}");
}

#[tokio::test]
async fn a_delivery_of_a_known_repository_makes_referee_read_it() {
    let server = Server::start().await;
    let body: serde_json::Value = serde_json::from_slice(&push().body).unwrap();
    let id = body["repository"]["id"].to_string();
    server.add_team("gitea", &id, "alpha").await;
    assert_eq!(push().send(&server).await.status.as_u16(), 202);
    assert_eq!(intake::step(&server.app, DeliveryKind::Other).await.unwrap(), 1);
    // The forge of these tests has no token, and the note states the missing setting.
    let notes = server.app.context.store.delivery_notes().await.unwrap();
    let note = notes[0].1.as_deref();
    assert_eq!(note, Some("not read: [forge.gitea] has no `token-file`"));
}

#[tokio::test]
async fn a_delivery_that_cannot_be_stored_is_not_accepted() {
    let server = Server::start().await;
    // Another connection removes the table, which has the effect of a broken disk.
    sqlx::any::install_default_drivers();
    let url = server.app.context.settings.database.expose().to_owned();
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    sqlx::query("ALTER TABLE delivery RENAME TO elsewhere").execute(&pool).await.unwrap();
    let answer = push().send(&server).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (503, "not stored; send it again\n"));
    sqlx::query("ALTER TABLE elsewhere RENAME TO delivery").execute(&pool).await.unwrap();
    assert_eq!(push().send(&server).await.status.as_u16(), 202);
}

#[tokio::test]
async fn every_accepted_delivery_is_on_the_disk() {
    let server = Server::start().await;
    let answers = (0..50).map(|n| {
        let mut body = push().body;
        body.extend(vec![b' '; n]);
        let wire = push().signed(&body, SECRETS[0]);
        let server = &server;
        async move { wire.send(server).await.status.as_u16() }
    });
    let answers = futures_util::future::join_all(answers).await;
    assert!(answers.iter().all(|s| *s == 202), "{answers:?}");
    // Another connection reads the rows while the server still runs.
    let other = Store::open(server.app.context.settings.database.expose()).await;
    let notes = other.unwrap().delivery_notes().await.unwrap();
    assert_eq!(notes.len(), 50);
}

/// The recordings of four forges.
#[tokio::test]
async fn every_recorded_delivery_gets_its_expected_answer() {
    let server = Server::start().await;
    let mut counts = std::collections::BTreeMap::new();
    for stem in stems(recordings()) {
        let wire = Wire::read(&stem);
        let answer = wire.send(&server).await;
        let expected: &[u16] = match wire.path.as_str() {
            "/form" => &[415],
            "/no-secret" => &[401],
            _ => &[200, 202],
        };
        let status = answer.status.as_u16();
        assert!(expected.contains(&status), "{}: {status}", wire.name);
        *counts.entry(status).or_insert(0) += 1;
    }
    assert_eq!(counts.values().sum::<i32>(), 310, "{counts:?}");
    assert_eq!((counts[&401], counts[&415]), (7, 7), "{counts:?}");
    let new = usize::try_from(counts[&202]).unwrap();
    assert_eq!(stored_deliveries(&server).await, new, "one row for each 202");
}

fn stems(root: &Path) -> Vec<PathBuf> {
    let mut stems = Vec::new();
    for forge in std::fs::read_dir(root).unwrap() {
        let folder = forge.unwrap().path().join("deliveries");
        let Ok(entries) = std::fs::read_dir(folder) else {
            continue;
        };
        stems.extend(entries.filter_map(|entry| {
            let path = entry.unwrap().path();
            (path.extension()? == "body").then(|| path.with_extension(""))
        }));
    }
    stems.sort();
    stems
}
