//! A team pushes images to the registry of the forge: good ones, another under the same tag, one that
//! cannot run here, one that is gone before its turn.
//!
//! Where the forge has no registry the story is another one, and says so: that nobody is left to wonder.

use referee::model::{Digest, Origin, Outcome, Stage};
use referee::store::SubmissionRecord;
use serde_json::Value;

use crate::challenge::{slow_build, take_images};
use crate::looks::holds;
use crate::model::ForgeVersion;
use crate::place::at_each;
use crate::world::World;

/// Of the team `alpha`: its repository, and the image that triggers a phase, `owner/name`.
type Places<'a> = (&'a str, &'a str);

#[test]
fn what_is_pushed_to_the_registry_is_judged_and_shown() {
    at_each(
        &[ForgeVersion::Gitea127, ForgeVersion::Forgejo10],
        |world| {
            take_images(&world.daemon.path("challenge"));
            world.restart();
            if world.has_registry() {
                images(world);
            } else {
                no_registry(world);
            }
        },
    );
}

#[test]
fn a_forge_without_a_registry_is_told_apart() {
    let told = |world: &mut World| {
        world.turn_registry_off();
        take_images(&world.daemon.path("challenge"));
        no_registry(world);
    };
    // A real instance has one or has none: the story above is told accordingly.
    crate::place::at_models(&[ForgeVersion::Gitea122], told);
}

fn images(world: &mut World) {
    let repository = world.team_with_images("alpha", &["alice"]);
    let image = format!("{}-alpha/method", world.organization);
    let at = (repository.as_str(), image.as_str());
    let first = a_score_is_shown(world, at);
    a_moved_tag_is_another(world, at, &first);
    another_architecture(world, at);
    strangers_push_nothing(world, at);
    one_that_is_gone(world, at);
}

/// Number, `name:tag` and digest of a team's images, oldest first.
fn entered(world: &World) -> Vec<(i64, String, Digest)> {
    let of = |record: SubmissionRecord| match record.submission.origin {
        Origin::Image { ref digest, .. } => Some((
            record.submission.number,
            record.submission.origin.pushed_as(),
            digest.clone(),
        )),
        Origin::Commit { .. } => None,
    };
    world
        .submissions("alpha")
        .into_iter()
        .filter_map(of)
        .collect()
}

/// Waits until the image of this digest is a submission; its number.
fn enters(world: &mut World, digest: &Digest) -> i64 {
    let all = world.until(
        &format!("the image {digest} should be a submission"),
        |world| {
            let all = entered(world);
            holds(all.iter().any(|(_, _, d)| d == digest), &all)?;
            Ok(all)
        },
    );
    let same: Vec<_> = all.iter().filter(|(_, _, d)| d == digest).collect();
    assert_eq!(same.len(), 1, "once: {all:?}");
    same[0].0
}

fn ends(world: &mut World, number: i64, outcome: Outcome) -> SubmissionRecord {
    world.until(&format!("#{number} should be {outcome:?}"), |world| {
        let mut all = world.submissions("alpha");
        all.retain(|r| r.submission.number == number);
        let record = all.pop().ok_or("no submission")?;
        let over = record.submission.outcome();
        let over = over.ok_or_else(|| format!("at {:?}", record.submission.stage()))?;
        assert_eq!(over, outcome, "outcome of #{number}");
        Ok(record)
    })
}

/// Waits until the one comment on a submission says this, in the issue of the team's repository.
fn is_told(world: &mut World, repository: &str, (number, text): (i64, &str)) -> String {
    let mark = format!("<!-- referee:submission=nuclei#{number} -->");
    let report = world.until(
        &format!("a comment on #{number} should say `{text}`"),
        |world| {
            let mut all = world.said(repository, world.thread(repository)?);
            all.retain(|said| said.text.starts_with(&mark));
            holds(all.len() == 1 && all[0].text.contains(text), &all)?;
            Ok(all.remove(0))
        },
    );
    report.text
}

fn a_score_is_shown(world: &mut World, (repository, image): Places<'_>) -> Digest {
    let board = world.repository("leaderboard");
    let before = world.commits(&board);
    let digest = world.push_image("alice", (image, "segmentation"), world.program("0.625"));
    look(world);
    let number = enters(world, &digest);
    how_it_was_found(world);
    let record = ends(world, number, Outcome::Scored);
    let attempts = world.read(world.store().attempts(&record));
    let kinds: Vec<Stage> = attempts.iter().map(|a| a.attempt.stage).collect();
    let expected = [
        Stage::Admission,
        Stage::Build,
        Stage::Smoke,
        Stage::Run,
        Stage::Scoring,
    ];
    assert_eq!(kinds, expected);
    let report = is_told(world, repository, (number, "0.625"));
    assert!(report.contains("`method:segmentation`"), "{report}");
    assert!(report.contains(digest.short()), "{report}");
    world.until("the boards should be committed once", |world| {
        let now = world.commits(&board);
        holds(now == before + 1, (before, now))
    });
    let table = world.file(&board, "validation/segmentation.csv");
    let table = table.expect("a file of the board");
    assert!(
        table.contains("alpha") && table.contains("0.625"),
        "{table}"
    );
    digest
}

/// By its delivery, or by the sweep where the forge sends none.
fn how_it_was_found(world: &mut World) {
    let announced = |world: &World| {
        let notes = world.read(world.store().delivery_notes());
        let of = |(_, note): &(i64, Option<String>)| {
            note.as_deref()
                .is_some_and(|n| n.contains("images entered"))
        };
        holds(notes.iter().any(of), notes)
    };
    if world.announces_images() {
        world.until("the image's delivery should be acted on", announced);
        println!("{}: images are announced", world.api.root());
    } else {
        assert!(
            announced(world).is_err(),
            "this forge should announce no images"
        );
        println!("{}: images are found by the sweep", world.api.root());
    }
}

fn a_moved_tag_is_another(world: &mut World, (repository, image): Places<'_>, first: &Digest) {
    let second = world.push_image("alice", (image, "segmentation"), world.program("0.875"));
    assert_ne!(&second, first);
    look(world);
    let number = enters(world, &second);
    ends(world, number, Outcome::Scored);
    is_told(world, repository, (number, "0.875"));
    let tag = || "method:segmentation".to_owned();
    assert_eq!(
        entered(world),
        [
            (number - 1, tag(), first.clone()),
            (number, tag(), second.clone())
        ],
        "the first keeps its digest"
    );
    is_told(world, repository, (number - 1, "0.625"));
    // The same again is nothing new.
    world.push_image("alice", (image, "segmentation"), world.program("0.875"));
    look(world);
    world.settle();
    assert_eq!(entered(world).len(), 2, "{:?}", entered(world));
}

fn another_architecture(world: &mut World, (repository, image): Places<'_>) {
    let (parts, platform) = world.foreign();
    let layers = parts.blobs.iter().map(|blob| Digest::of(blob));
    let layers: Vec<Digest> = layers.collect();
    let digest = world.push_image("alice", (image, "segmentation-foreign"), parts);
    look(world);
    let number = enters(world, &digest);
    let record = ends(world, number, Outcome::Rejected);
    assert_eq!(record.submission.stage(), Stage::Admission);
    let report = is_told(world, repository, (number, "IMG002"));
    assert!(report.contains(&platform), "{report}");
    let attempts = world.read(world.store().attempts(&record));
    assert!(
        attempts.iter().all(|a| a.attempt.stage == Stage::Admission),
        "nothing was fetched to be loaded: {attempts:?}"
    );
    for digest in layers {
        let fetched = world.asked_for(&format!("/blobs/{digest}"));
        assert_eq!(fetched, 0, "requests for the layer {digest}");
    }
}

/// Who is not of the team, and has an account, pushes nothing in its name.
fn strangers_push_nothing(world: &mut World, (_, image): Places<'_>) {
    let own = format!("{}/method", world.login("eve").to_lowercase());
    world.keep_images_of(&world.login("eve"));
    world.push_image("eve", (&own, "segmentation"), world.program("1.0"));
    let refused = world.try_push("eve", (image, "segmentation"), world.program("1.0"));
    assert!(refused.is_err(), "eve pushed as the team: {refused:?}");
    look(world);
    world.settle();
    assert_eq!(entered(world).len(), 3, "{:?}", entered(world));
}

/// Deleted after it has passed the rules, while a build of the team's is in its way.
fn one_that_is_gone(world: &mut World, (repository, image): Places<'_>) {
    let copy = world.clone_of("alice", repository);
    let slow = slow_build(&copy, 10);
    let pushed = copy.push(&["origin", "HEAD:refs/tags/final-slow"]);
    assert!(pushed.accepted, "{}", pushed.text);
    world.until("it should be built", |world| {
        let record = world.submission("alpha", &slow)?.submission;
        let stage = (record.stage(), record.state.is_working());
        holds(stage == (Stage::Build, true), stage)
    });
    let digest = world.push_image("alice", (image, "segmentation-gone"), world.program("0.5"));
    look(world);
    let number = enters(world, &digest);
    world.until("it should wait for its turn", |world| {
        let mut all = world.submissions("alpha");
        all.retain(|r| r.submission.number == number);
        let record = all.pop().ok_or("no submission")?.submission;
        let seen = (record.stage(), record.state.is_working(), record.outcome());
        holds(seen == (Stage::Build, false, None), seen)
    });
    let (owner, name) = image.split_once('/').expect("owner/name");
    let path = format!("/packages/{owner}/container/{name}/segmentation-gone");
    world.administer("DELETE", &path);
    ends(world, number, Outcome::ImageRejected);
    let report = is_told(world, repository, (number, "IMG016"));
    assert!(report.contains("not in the registry any more"), "{report}");
    world.ends(("alpha", &slow), Outcome::BuildFailed);
    world.settle();
}

/// Has the daemon look where the forge announces nothing; waiting for the sweep would do, too.
fn look(world: &mut World) {
    if !world.announces_images() {
        world.restart();
    }
}

/// What an organizer is told where nothing can be pushed.
fn no_registry(world: &mut World) {
    println!(
        "{}: this instance has no registry (`[packages] ENABLED = false`, or a proxy keeps it back), so NO IMAGE \
         IS PUSHED; what is asserted is that setup, team add and doctor say so",
        world.api.root()
    );
    let help = "`[packages] ENABLED = true`";
    let owner = ["--owner-token-file", "owner.token"];
    let setup = world.daemon.run(&["forge", "setup", owner[0], owner[1]]);
    assert!(setup.contains(help), "{setup}");
    let login = world.login("alice");
    let add = [
        "team", "add", owner[0], owner[1], "--images", "alpha", &login,
    ];
    let refused = world.daemon.refuse(&add);
    assert!(refused.contains(help), "{refused}");
    let organization = format!("/orgs/{}-alpha", world.organization);
    let (status, _) = world.ask("owner", "GET", &organization, &Value::Null);
    assert_eq!(status, 404, "nothing was made for images");
    let message = world.daemon.refuse(&["doctor"]);
    assert!(
        message.contains("there is none at") && message.contains(help),
        "{message}"
    );
}
