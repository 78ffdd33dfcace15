//! The database survives reopening, other versions of Referee, other daemons, and `kill -9`.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use referee::model::{AttemptDetail, AttemptState, Stage};
use referee::store::{DeliveryKind, DeliveryWriter, Effect, Finish, InstanceLock, Store, StoreError};
use serde_json::json;

use crate::database::{Db, Kind, environment};
use crate::world::*;

/// Number of kills in each test.
const KILLS: usize = 20;
/// Environment variable that makes the test binary a child, with its role and its database.
const CHILD: &str = "REFEREE_TEST_CHILD";

pub(crate) async fn everything_is_there_after_reopening(db: Db) {
    db.store.put_scoring_revision(&board("phase"), &json!(1), NOW).await.unwrap();
    let before = scored(&db.store, "alpha", 0.5).await;
    db.store.append_audit_entry(&entry_of("grant"), NOW).await.unwrap();
    let Db { store, url, .. } = db;
    let repositories = store.repositories().await.unwrap();
    drop(store);
    let store = Store::open(&url).await.unwrap();
    store.ping().await.unwrap();
    let after = store.submission(before.submission.id).await.unwrap();
    assert_eq!(after, before);
    assert_eq!(store.repositories().await.unwrap(), repositories);
    assert_eq!(store.score_of(before.submission.id).await.unwrap(), Some(score(0.5)));
    assert_eq!(store.audit_entries(0, 9).await.unwrap().len(), 1);
    // Numbers continue.
    assert_eq!(pushed(&store, "alpha").await.submission.number, 2);
}

/// A database that a newer version has changed, and one that was created with another text of the schema.
pub(crate) async fn another_schema_is_refused(db: Db) {
    let refused = async |statement| {
        db.tamper(statement).await;
        let refused = Store::open(&db.url).await.unwrap_err();
        assert!(matches!(refused, StoreError::Schema { .. }), "{refused}");
        let message = refused.to_string();
        assert!(message.contains("start the version that created the database"), "{message}");
    };
    refused(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         SELECT 9999, 'newer', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
    )
    .await;
    db.tamper("DELETE FROM _sqlx_migrations WHERE version = 9999").await;
    Store::open(&db.url).await.unwrap();
    refused(match db.kind {
        Kind::Sqlite => "UPDATE _sqlx_migrations SET checksum = x'0ff1ce' WHERE version = 1",
        Kind::Postgres => r"UPDATE _sqlx_migrations SET checksum = '\x0ff1ce'::bytea WHERE version = 1",
    })
    .await;
}

/// The daemon and another command may start at the same time without a database.
pub(crate) async fn opening_at_the_same_time_migrates_once(db: Db) {
    let directory = tempfile::tempdir().unwrap();
    // A name with all characters that have a meaning in an address.
    let path = directory.path().join("a b%20#c?d.sqlite");
    let mut opening = Vec::new();
    for _ in 0..4 {
        let (url, path) = (db.url.clone(), path.clone());
        opening.push(tokio::spawn(async move {
            if url.starts_with("sqlite:") { Store::open_file(&path).await } else { Store::open(&url).await }
        }));
    }
    for store in opening {
        let store = store.await.unwrap().unwrap();
        store.append_audit_entry(&entry_of("opened"), NOW).await.unwrap();
    }
    assert_eq!(path.exists(), db.kind == Kind::Sqlite);
    let refused = Store::open("sqlite::memory:").await.unwrap_err();
    assert!(refused.to_string().contains("memory"), "{refused}");
}

pub(crate) async fn a_database_has_one_daemon(db: Db) {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let lock = InstanceLock::acquire(&state, [1; 8]).unwrap();
    let refused = InstanceLock::acquire(&state, [2; 8]).unwrap_err();
    assert!(refused.to_string().contains("another referee daemon"), "{refused}");
    assert!(lock.owner.ends_with("-0101010101010101"), "{}", lock.owner);
    drop(lock);
    InstanceLock::acquire(&state, [3; 8]).unwrap();
    // Two machines do not share a state directory. They may share the database.
    let other = db.again().await;
    let held = db.store.lock_for_daemon().await.unwrap();
    let second = other.lock_for_daemon().await;
    match db.kind {
        // All daemons of a file are on one machine and use the lock above.
        Kind::Sqlite => assert!(second.is_ok()),
        Kind::Postgres => {
            let message = second.unwrap_err().to_string();
            assert!(message.starts_with("another referee daemon uses this database"), "{message}");
        }
    }
    drop(held);
    for _ in 0..100 {
        if other.lock_for_daemon().await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the lock was not released");
}

/// Starts this binary as a child.
fn child(role: &str, url: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "durability::the_child", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{role} {url}"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Works until it is killed, and prints every acknowledged result.
#[test]
fn the_child() {
    let Some(role) = environment(CHILD) else {
        assert!(environment("CI").is_none_or(|ci| !ci.is_empty()), "not the child");
        return;
    };
    let (role, url) = role.split_once(' ').unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::open(url).await.unwrap();
        match role {
            "deliveries" => deliver_until_killed(store).await,
            _ => work_until_killed(store).await,
        }
    });
}

/// Prints an acknowledged result for the parent.
fn acknowledge(result: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("ack {result}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

async fn deliver_until_killed(store: Store) {
    let writer = DeliveryWriter::start(store);
    let clients = (0..8).map(|client| {
        let writer = writer.clone();
        tokio::spawn(async move {
            for n in 0_u64.. {
                let body = format!("{} {client} {n}", std::process::id());
                writer.write(delivery(&body)).await.unwrap();
                acknowledge(delivery(&body).digest.as_str());
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
}

async fn work_until_killed(store: Store) {
    loop {
        let id = pushed(&store, "alpha").await.submission.id;
        acknowledge(&id.to_string());
        admitted(&store, id, &["phase", "tools"], NOW).await;
        evaluated(&store, id, NOW).await;
    }
}

/// Runs a child until it has acknowledged this many results, kills it, and returns all of them.
fn kill_after(role: &str, url: &str, acknowledged: usize) -> Vec<String> {
    let mut child = child(role, url);
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut all = Vec::new();
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        // An incomplete line does not count.
        if let Some(ack) = line.strip_suffix('\n').and_then(|l| l.strip_prefix("ack ")) {
            all.push(ack.to_owned());
            if all.len() == acknowledged {
                child.kill().unwrap();
            }
        }
        line.clear();
    }
    child.wait().unwrap();
    assert!(all.len() >= acknowledged, "the {role} child died by itself after {}", all.len());
    all
}

/// Twenty daemons are killed in the middle of their work. Every delivery that one of them acknowledged is there.
pub(crate) async fn acknowledged_deliveries_survive_a_kill(db: Db) {
    let mut acknowledged = BTreeSet::new();
    for kill in 0..KILLS {
        let url = db.url.clone();
        let run = tokio::task::spawn_blocking(move || kill_after("deliveries", &url, 1 + 7 * kill));
        acknowledged.extend(run.await.unwrap());
        let kept = db.again().await.pending_deliveries(DeliveryKind::Other, later(9), 1_000_000).await.unwrap();
        let kept: BTreeSet<_> = kept.iter().map(|u| u.delivery.digest.as_str()).collect();
        let lost: Vec<_> = acknowledged.iter().filter(|a| !kept.contains(a.as_str())).collect();
        assert_eq!(lost, [""; 0], "after kill {kill}");
    }
    assert!(acknowledged.len() >= KILLS);
}

/// Workers are killed between and within their transactions. The database is consistent: a submission is marked as
/// working if and only if one of its attempts is running, and recovery continues it.
pub(crate) async fn interrupted_work_is_found_after_a_kill(db: Db) {
    let mut acknowledged = BTreeSet::new();
    for kill in 0..KILLS {
        let url = db.url.clone();
        let run = tokio::task::spawn_blocking(move || kill_after("worker", &url, 1 + kill % 4));
        acknowledged.extend(run.await.unwrap());
        let store = db.again().await;
        for id in &acknowledged {
            let id = referee::model::SubmissionId(id.parse().unwrap());
            store.submission(id).await.unwrap();
        }
        for record in store.submissions_of_challenge(&challenge()).await.unwrap() {
            let attempts = store.attempts(&record).await.unwrap();
            let mine = attempts.iter().filter(|a| a.attempt.submission == record.submission.id);
            let running = mine.filter(|a| a.attempt.state == AttemptState::Running).count();
            assert_eq!(running, usize::from(record.submission.state.is_working()));
            let siblings = store.submissions_of_source(record.source).await.unwrap().len();
            let admitted = record.submission.stage() > Stage::Admission;
            assert_eq!(siblings, if admitted { 2 } else { 1 });
        }
        recover(&store).await;
        assert_eq!(store.orphans("no owner", NOW).await.unwrap(), []);
    }
    let numbers = db.store.submissions_of_challenge(&challenge()).await.unwrap();
    let numbers: Vec<i64> = numbers.iter().map(|r| r.submission.number).collect();
    assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>());
}

async fn recover(store: &Store) {
    for orphan in store.orphans("no owner", NOW).await.unwrap() {
        let lease = referee::model::Lease { attempt: orphan.attempt, owner: orphan.owner, seed: orphan.seed };
        let lost = Finish::retry(NOW, AttemptDetail::None).with_effect(Effect::Outbox(message("lost", 1)));
        store.finish(&lease, lost, NOW).await.unwrap();
    }
}
