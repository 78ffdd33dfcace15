//! Durable deliveries per second, compared with the speed of the disk: plain SQLite commits of the same rows, with the
//! same pragmas, in the same run, in turn.
//!
//! `cargo bench --bench intake [-- SECONDS ROUNDS]`. Only the ratios are comparable between machines.

#![expect(clippy::unwrap_used, reason = "a panic in a measurement is its report")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use referee::model::{CommitSha, Digest, ForgeEvent, ForgeName, RepositoryRef, Sender, Timestamp};
use referee::store::{Delivery, DeliveryWriter, Received, Store};
use sqlx::{AnyConnection, Connection as _, Executor as _};

/// Clients at the same time, in the second measurement.
const CLIENTS: usize = 64;
/// Deliveries of one client, as a multiple of plain commits.
const SERIAL_GOAL: f64 = 0.7;
/// Deliveries of all clients, as a multiple of plain commits.
const CLIENTS_GOAL: f64 = 3.0;

/// A push as Gitea sends it. Each is different.
fn delivery() -> Delivery {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    Delivery {
        forge: ForgeName::new("gitea").unwrap(),
        digest: Digest::of(&n.to_le_bytes()),
        event: ForgeEvent::Pushed {
            repository: RepositoryRef { id: 17, full_name: "phakir/team-alpha".into() },
            full_ref: "refs/heads/main".into(),
            before: Some(CommitSha::new("a1".repeat(20)).unwrap()),
            after: CommitSha::new("b2".repeat(20)).unwrap(),
            sender: Sender { id: 4, login: "alpha".into() },
        },
        received_at: Timestamp(1_772_445_600_000),
    }
}

/// A way to store a delivery. The writer is one; an HTTP client of the webhook address would be another.
trait Intake: Clone + Send + 'static {
    fn deliver(&self, delivery: Delivery) -> impl Future<Output = ()> + Send;
}

impl Intake for DeliveryWriter {
    async fn deliver(&self, delivery: Delivery) {
        assert_eq!(self.write(delivery).await.unwrap(), Received::New);
    }
}

/// Deliveries per second of this many clients. Each client waits for its response.
async fn throughput(intake: &impl Intake, clients: usize, time: Duration) -> f64 {
    let done = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let running: Vec<_> = (0..clients)
        .map(|_| {
            let (intake, done) = (intake.clone(), done.clone());
            tokio::spawn(async move {
                while start.elapsed() < time {
                    intake.deliver(delivery()).await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for client in running {
        client.await.unwrap();
    }
    done.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64()
}

/// A connection with the settings of the store, to a database with the same schema.
async fn plain_connection(path: &Path) -> AnyConnection {
    drop(Store::open_file(path).await.unwrap());
    let url = format!("sqlite:{}", path.display());
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    for pragma in ["journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"] {
        let statement = sqlx::AssertSqlSafe(format!("PRAGMA {pragma}"));
        connection.execute(statement).await.unwrap();
    }
    connection
}

/// Commits per second of one row each.
async fn commits(connection: &mut AnyConnection, time: Duration) -> f64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let start = Instant::now();
    let mut done = 0_u64;
    while start.elapsed() < time {
        let delivery = delivery();
        sqlx::query(
            "INSERT INTO delivery (id, forge, digest, event, received_at)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(NEXT.fetch_add(1, Ordering::Relaxed) as i64)
        .bind(delivery.forge.as_str())
        .bind(delivery.digest.as_str())
        .bind(serde_json::to_string(&delivery.event).unwrap())
        .bind(delivery.received_at.0)
        .execute(&mut *connection)
        .await
        .unwrap();
        done += 1;
    }
    done as f64 / start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The arguments: seconds per measurement, and rounds. cargo adds `--bench`.
fn arguments() -> (Duration, usize) {
    let mut numbers = std::env::args().skip(1).filter_map(|a| a.parse::<f64>().ok());
    let seconds = numbers.next().unwrap_or(1.0);
    let rounds = numbers.next().unwrap_or(7.0);
    (Duration::from_secs_f64(seconds), (rounds as usize).max(1))
}

#[tokio::main]
async fn main() {
    sqlx::any::install_default_drivers();
    let (time, rounds) = arguments();
    // In the build folder, because /tmp may be in memory.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut raw = plain_connection(&directory.path().join("bare.sqlite")).await;
    let store = Store::open_file(&directory.path().join("store.sqlite")).await.unwrap();
    let writer = DeliveryWriter::start(store);
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        rates[0].push(commits(&mut raw, time).await);
        rates[1].push(throughput(&writer, 1, time).await);
        rates[2].push(throughput(&writer, CLIENTS, time).await);
    }
    let ratio = |of: usize| {
        let pairs = rates[of].iter().zip(&rates[0]);
        median(pairs.map(|(rate, plain)| rate / plain).collect())
    };
    println!("Durable deliveries per second, medians of {rounds} rounds of {time:?} each");
    println!("{:<28}{:>12}{:>12}{:>8}", "", "per second", "ratio", "goal");
    let line = |name: &str, of: usize, goal: f64| {
        let (rate, ratio) = (median(rates[of].clone()), ratio(of));
        let met = if ratio >= goal { "met" } else { "MISSED" };
        println!("{name:<28}{rate:>12.0}{ratio:>12.2}{goal:>8.1} {met}");
    };
    println!("{:<28}{:>12.0}{:>12.2}", "plain SQLite commits", median(rates[0].clone()), 1.0);
    line("writer, one client", 1, SERIAL_GOAL);
    line(&format!("writer, {CLIENTS} clients"), 2, CLIENTS_GOAL);
}
