//! A forge whose requests fail at random as long as submissions are in progress.

use referee::model::{Duration, SubmissionId};

use crate::model::ForgeVersion;
use crate::model::fault_injection::Fault;
use crate::secrets;
use crate::world::{Plan, World};

const TEAMS: usize = 20;
/// The number of submissions in progress at the same time.
const WAVE: usize = 100;
const WAVES: usize = 10;
/// The share of requests that fail.
const SHARE: f64 = 0.25;

/// One failure of 25 is a request without an answer. The other kinds are equally frequent.
fn faults() -> Vec<Fault> {
    let quick = [
        Fault::Status(500),
        Fault::Status(502),
        Fault::Status(503),
        Fault::Status(504),
        Fault::Later(429, 1),
        Fault::Later(503, 2),
        Fault::Redirect,
        Fault::LostRace,
    ];
    let mut all = [&quick[..], &quick[..], &quick[..]].concat();
    all.push(Fault::Hang);
    all
}

async fn wave(world: &World) -> Vec<SubmissionId> {
    let pause = Duration::seconds(5);
    let mut all = Vec::new();
    for n in 0..WAVE {
        all.push(world.submit(n % TEAMS).await);
    }
    let (refused, admitted) = all.split_at(WAVE / 5);
    for id in refused {
        world.rejected(*id).await;
    }
    for id in admitted {
        world.admitted(*id).await;
    }
    world.send_for(6, pause).await;
    for id in admitted {
        world.built(*id).await;
    }
    world.send_for(6, pause).await;
    for id in admitted {
        world.smoked(*id).await;
        world.crashed(*id).await;
    }
    world.send_for(6, pause).await;
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_reports_become_a_thousand_comments_although_requests_fail() {
    let world = World::start(Plan::new(ForgeVersion::Forgejo10, TEAMS)).await;
    world.forge.faults().by_chance(7, SHARE, &faults());
    let mut all = Vec::new();
    for _ in 0..WAVES {
        all.extend(wave(&world).await);
    }
    world.forge.faults().stop();
    world.settle().await;

    assert_eq!(all.len(), 1000);
    for id in &all {
        world.assert_published(*id).await;
    }
    assert_eq!(world.forge.state().comments.len(), all.len());
    for team in 0..TEAMS {
        let issues = world.issues(team);
        assert_eq!(issues.len(), 1);
        assert_eq!(issues[0].title, "Referee");
    }
    let asked = world.forge.asked();
    let failed = asked.iter().filter(|a| a.status.is_none_or(|s| s >= 300));
    let failed = failed.count();
    assert!(failed > 200, "too few requests failed: {failed} of {}", asked.len());
    secrets::assert_kept(&world).await;
}
