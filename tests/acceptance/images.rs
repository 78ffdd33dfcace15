//! A team pushes images to the registry of the forge: valid ones, another one under the same tag, one for another
//! architecture, and one that is deleted while it waits.
//!
//! If the forge has no registry, the test asserts instead that every command reports it, and prints this.

use referee::model::{Digest, Origin, Outcome, Stage};
use referee::store::SubmissionRecord;
use serde_json::Value;

use crate::challenge::{slow_build, trigger_by_images};
use crate::instance::at_each;
use crate::model::ForgeVersion;
use crate::published::holds;
use crate::world::World;

/// The team `alpha`: its repository, and the image that triggers a phase, `owner/name`.
#[derive(Clone, Copy)]
struct Alpha<'a> {
    repository: &'a str,
    image: &'a str,
}

#[test]
fn a_pushed_image_is_evaluated_and_its_result_is_published() {
    at_each(&[ForgeVersion::Gitea127, ForgeVersion::Forgejo10], |world| {
        trigger_by_images(&world.daemon.path("challenge"));
        world.restart();
        if world.has_registry() {
            images(world);
        } else {
            no_registry(world);
        }
    });
}

#[test]
fn a_forge_without_a_registry_is_reported() {
    let story = |world: &mut World| {
        world.turn_registry_off();
        trigger_by_images(&world.daemon.path("challenge"));
        no_registry(world);
    };
    // At a real instance without a registry, the test above runs this story.
    crate::instance::at_models(&[ForgeVersion::Gitea122], story);
}

fn images(world: &mut World) {
    let repository = world.team_with_images("alpha", &["alice"]);
    let image = format!("{}-alpha/method", world.organization);
    let alpha = Alpha { repository: &repository, image: &image };
    let first = a_score_is_published(world, alpha);
    a_moved_tag_is_another_submission(world, alpha, &first);
    an_image_of_another_architecture_is_rejected(world, alpha);
    others_cannot_push_for_the_team(world, alpha);
    a_deleted_image_is_rejected(world, alpha);
}

/// The number, `name:tag` and digest of the team's images, oldest first.
fn entered(world: &World) -> Vec<(i64, String, Digest)> {
    let image = |record: SubmissionRecord| match record.submission.origin {
        Origin::Image { ref digest, .. } => {
            Some((record.submission.number, record.submission.origin.pushed_as(), digest.clone()))
        }
        Origin::Commit { .. } => None,
    };
    world.submissions("alpha").into_iter().filter_map(image).collect()
}

/// Waits until the image with this digest is a submission, and returns its number.
fn wait_entered(world: &mut World, digest: &Digest) -> i64 {
    let all = world.until(&format!("the image {digest} should be a submission"), |world| {
        let all = entered(world);
        holds(all.iter().any(|(_, _, d)| d == digest), &all)?;
        Ok(all)
    });
    let same: Vec<_> = all.iter().filter(|(_, _, d)| d == digest).collect();
    assert_eq!(same.len(), 1, "the image is one submission: {all:?}");
    same[0].0
}

fn wait_end(world: &mut World, number: i64, outcome: Outcome) -> SubmissionRecord {
    world.until(&format!("#{number} should be {outcome:?}"), |world| {
        let mut all = world.submissions("alpha");
        all.retain(|r| r.submission.number == number);
        let record = all.pop().ok_or("no submission")?;
        let ended = record.submission.outcome();
        let ended = ended.ok_or_else(|| format!("at {:?}", record.submission.stage()))?;
        assert_eq!(ended, outcome, "outcome of #{number}");
        Ok(record)
    })
}

/// Waits until the only report on a submission holds a text, and returns the report.
fn wait_report(world: &mut World, repository: &str, number: i64, text: &str) -> String {
    let marker = format!("<!-- referee:submission=nuclei#{number} -->");
    let report = world.until(&format!("the report on #{number} should hold `{text}`"), |world| {
        let mut all = world.bot_comments(repository, world.report_issue(repository)?);
        all.retain(|comment| comment.text.starts_with(&marker));
        holds(all.len() == 1 && all[0].text.contains(text), &all)?;
        Ok(all.remove(0))
    });
    report.text
}

fn a_score_is_published(world: &mut World, alpha: Alpha<'_>) -> Digest {
    let board = world.repository("leaderboard");
    let before = world.commits(&board);
    let image = world.program("0.625");
    let digest = world.push_image("alice", alpha.image, "segmentation", image);
    sweep_if_needed(world);
    let number = wait_entered(world, &digest);
    assert_found_by_delivery_or_sweep(world);
    let record = wait_end(world, number, Outcome::Scored);
    let attempts = world.read(world.store().attempts(&record));
    let stages: Vec<Stage> = attempts.iter().map(|a| a.attempt.stage).collect();
    let expected = [Stage::Admission, Stage::Build, Stage::Smoke, Stage::Run, Stage::Scoring];
    assert_eq!(stages, expected);
    let report = wait_report(world, alpha.repository, number, "0.625");
    assert!(report.contains("`method:segmentation`"), "{report}");
    assert!(report.contains(digest.short()), "{report}");
    world.until("the leaderboards should be committed once", |world| {
        let now = world.commits(&board);
        holds(now == before + 1, (before, now))
    });
    let table = world.file(&board, "validation/segmentation.csv");
    let table = table.expect("a file of the leaderboard");
    assert!(table.contains("alpha") && table.contains("0.625"), "{table}");
    digest
}

/// Asserts that a delivery announced the image, or that the forge sends none and the sweep found the image.
fn assert_found_by_delivery_or_sweep(world: &mut World) {
    let announced = |world: &World| {
        let notes = world.read(world.store().delivery_notes());
        let of_images =
            |(_, note): &(i64, Option<String>)| note.as_deref().is_some_and(|n| n.contains("images entered"));
        holds(notes.iter().any(of_images), notes)
    };
    if world.announces_images() {
        world.until("the image's delivery should be handled", announced);
        println!("{}: images are announced", world.api.root());
    } else {
        assert!(announced(world).is_err(), "this forge should announce no images");
        println!("{}: images are found by the sweep", world.api.root());
    }
}

fn a_moved_tag_is_another_submission(world: &mut World, alpha: Alpha<'_>, first: &Digest) {
    let push = |world: &World| {
        let image = world.program("0.875");
        world.push_image("alice", alpha.image, "segmentation", image)
    };
    let second = push(world);
    assert_ne!(&second, first);
    sweep_if_needed(world);
    let number = wait_entered(world, &second);
    wait_end(world, number, Outcome::Scored);
    wait_report(world, alpha.repository, number, "0.875");
    let tag = || "method:segmentation".to_owned();
    assert_eq!(
        entered(world),
        [(number - 1, tag(), first.clone()), (number, tag(), second.clone())],
        "the first submission keeps its digest"
    );
    wait_report(world, alpha.repository, number - 1, "0.625");
    // The same image again is not a new submission.
    push(world);
    sweep_if_needed(world);
    world.settle();
    assert_eq!(entered(world).len(), 2, "{:?}", entered(world));
}

fn an_image_of_another_architecture_is_rejected(world: &mut World, alpha: Alpha<'_>) {
    let (parts, platform) = world.foreign();
    let layers = parts.blobs.iter().map(|blob| Digest::of(blob));
    let layers: Vec<Digest> = layers.collect();
    let digest = world.push_image("alice", alpha.image, "segmentation-foreign", parts);
    sweep_if_needed(world);
    let number = wait_entered(world, &digest);
    let record = wait_end(world, number, Outcome::Rejected);
    assert_eq!(record.submission.stage(), Stage::Admission);
    let report = wait_report(world, alpha.repository, number, "IMG002");
    assert!(report.contains(&platform), "{report}");
    let attempts = world.read(world.store().attempts(&record));
    assert!(
        attempts.iter().all(|a| a.attempt.stage == Stage::Admission),
        "there is no attempt at a build: {attempts:?}"
    );
    for digest in layers {
        let fetched = world.asked_for(&format!("/blobs/{digest}"));
        assert_eq!(fetched, 0, "requests for the layer {digest}");
    }
}

fn others_cannot_push_for_the_team(world: &mut World, alpha: Alpha<'_>) {
    let own = format!("{}/method", world.login("eve").to_lowercase());
    world.remove_images_of(&world.login("eve"));
    world.push_image("eve", &own, "segmentation", world.program("1.0"));
    let image = world.program("1.0");
    let refused = world.try_push("eve", alpha.image, "segmentation", image);
    assert!(refused.is_err(), "eve pushed as the team: {refused:?}");
    sweep_if_needed(world);
    world.settle();
    assert_eq!(entered(world).len(), 3, "{:?}", entered(world));
}

/// An image is deleted after admission, while it waits for another build of the team.
fn a_deleted_image_is_rejected(world: &mut World, alpha: Alpha<'_>) {
    let copy = world.clone_of("alice", alpha.repository);
    let slow = slow_build(&copy, 10);
    let pushed = copy.push(&["origin", "HEAD:refs/tags/final-slow"]);
    assert!(pushed.accepted, "{}", pushed.text);
    world.until("the commit should be in its build", |world| {
        let record = world.submission("alpha", &slow)?.submission;
        let stage = (record.stage(), record.state.is_working());
        holds(stage == (Stage::Build, true), stage)
    });
    let image = world.program("0.5");
    let digest = world.push_image("alice", alpha.image, "segmentation-gone", image);
    sweep_if_needed(world);
    let number = wait_entered(world, &digest);
    world.until("the image should wait for the build", |world| {
        let mut all = world.submissions("alpha");
        all.retain(|r| r.submission.number == number);
        let record = all.pop().ok_or("no submission")?.submission;
        let seen = (record.stage(), record.state.is_working(), record.outcome());
        holds(seen == (Stage::Build, false, None), seen)
    });
    let (owner, name) = alpha.image.split_once('/').expect("owner/name");
    let path = format!("/packages/{owner}/container/{name}/segmentation-gone");
    world.administer("DELETE", &path);
    wait_end(world, number, Outcome::ImageRejected);
    let report = wait_report(world, alpha.repository, number, "IMG016");
    assert!(report.contains("not in the registry any more"), "{report}");
    world.ends("alpha", &slow, Outcome::BuildFailed);
    world.settle();
}

/// Restarts the daemon if the forge does not announce images, so that the sweep runs at once.
fn sweep_if_needed(world: &mut World) {
    if !world.announces_images() {
        world.restart();
    }
}

/// Asserts that setup, `team add` and doctor report the missing registry and how to fix it.
fn no_registry(world: &mut World) {
    println!(
        "{}: this instance has no registry (`[packages] ENABLED = false`, or a proxy blocks it), so NO IMAGE IS \
         PUSHED. The test asserts only that setup, team add and doctor report this.",
        world.api.root()
    );
    let help = "`[packages] ENABLED = true`";
    let owner = ["--owner-token-file", "owner.token"];
    let setup = world.daemon.run(&["forge", "setup", owner[0], owner[1]]);
    assert!(setup.contains(help), "{setup}");
    let login = world.login("alice");
    let add = ["team", "add", owner[0], owner[1], "--images", "alpha", &login];
    let refused = world.daemon.refuse(&add);
    assert!(refused.contains(help), "{refused}");
    let organization = format!("/orgs/{}-alpha", world.organization);
    let (status, _) = world.ask("owner", "GET", &organization, &Value::Null);
    assert_eq!(status, 404, "no organization was created for images");
    let message = world.daemon.refuse(&["doctor"]);
    assert!(message.contains("has no registry") && message.contains(help), "{message}");
}
