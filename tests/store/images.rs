//! Images: an owner is bound once, a tag enters its image once, and each task has a submission of its own.

use referee::model::{Digest, Origin, Outcome, RepositoryId, Stage, TaskSlug, Timestamp};
use referee::store::{
    ImageOwner, ImageRecord, NewImage, Next, Repository, SeenImage, Store, StoreError, SubmissionRecord,
};

use crate::database::Db;
use crate::world::*;

fn owner(number: i64, repository: RepositoryId) -> ImageOwner {
    ImageOwner { id: 0, forge: forge(), owner_id: number, login: format!("images-{number}"), repository }
}

fn tagged(tag: &str, content: &str) -> SeenImage {
    SeenImage { name: "method".into(), tag: tag.into(), digest: Digest::of(content.as_bytes()) }
}

fn entry(seen: &SeenImage, of: &str) -> NewImage {
    NewImage {
        seen: seen.clone(),
        phase: phase("validation"),
        task: task(of),
        token: token(),
        config_digest: Digest::of(b"challenge.toml"),
    }
}

/// A team whose images have an owner.
struct ImageTeam {
    owner: ImageOwner,
    repository: Repository,
}

async fn team_with_images(store: &Store, name: &str, number: i64) -> ImageTeam {
    let repository = bound(store, name).await;
    let owner = owner(number, repository.id);
    let owner = store.bind_image_owner(&owner, NOW).await.unwrap();
    ImageTeam { owner, repository }
}

async fn observe(store: &Store, team: &ImageTeam, seen: &[(SeenImage, &str)], at: Timestamp) -> Vec<ImageRecord> {
    let all: Vec<_> = seen.iter().map(|(image, _)| image.clone()).collect();
    let entries: Vec<_> = seen.iter().map(|(image, of)| entry(image, of)).collect();
    store.observe_images(&team.owner, &team.repository, &all, &entries, at).await.unwrap()
}

async fn record(store: &Store, of: &ImageRecord) -> SubmissionRecord {
    store.submission(of.submission).await.unwrap()
}

pub(crate) async fn a_team_has_one_owner_of_its_images(db: Db) {
    let store = &db.store;
    let ImageTeam { owner: alpha, repository } = team_with_images(store, "alpha", 7).await;
    let beta = bound(store, "beta").await;
    let renamed = ImageOwner { login: "renamed".into(), ..alpha.clone() };
    let again = store.bind_image_owner(&renamed, later(1)).await.unwrap();
    assert_eq!(again, renamed);
    assert_eq!(store.image_owners().await.unwrap(), std::slice::from_ref(&renamed));
    for other in [owner(8, repository.id), owner(7, beta.id)] {
        let refused = store.bind_image_owner(&other, NOW).await;
        assert!(matches!(refused, Err(StoreError::ImageOwnerConflict { .. })));
    }
    let found = store.image_owner(&forge(), 7).await.unwrap();
    assert_eq!(found, Some(renamed));
    assert_eq!(store.image_owner(&forge(), 8).await.unwrap(), None);
    let commit = pushed(store, "gamma").await;
    assert_eq!(store.image_owner_of(commit.source).await.unwrap(), None);
}

pub(crate) async fn a_tag_enters_its_image_once(db: Db) {
    let store = &db.store;
    let team = team_with_images(store, "alpha", 7).await;
    let image = tagged("one-v1", "a");
    let first = observe(store, &team, &[(image.clone(), "one")], NOW).await;
    let again = observe(store, &team, &[(image.clone(), "one")], later(9)).await;
    let other_tag = observe(store, &team, &[(tagged("one-v2", "a"), "one")], later(9)).await;
    assert_eq!((first[0].new, again[0].new, other_tag[0].new), (true, false, false));
    assert_eq!(again[0].submission, first[0].submission);
    assert_eq!(other_tag[0].submission, first[0].submission);

    let entered = record(store, &first[0]).await;
    let submission = &entered.submission;
    let origin = Origin::Image { image_name: "method".into(), tag: "one-v1".into(), digest: image.digest.clone() };
    assert_eq!(submission.origin, origin);
    assert_eq!(submission.task, Some(task("one")));
    assert_eq!(submission.team, team.repository.team);
    assert_eq!((submission.stage(), submission.observed_at), (Stage::Admission, NOW));
    assert_eq!((entered.repository, entered.dockerfile.as_str()), (team.repository.id, ""));
    let of_source = store.image_owner_of(entered.source).await.unwrap();
    assert_eq!(of_source.as_ref(), Some(&team.owner));
    // Referee knows present tags alone: the earlier tag is deleted.
    assert_eq!(store.known_images(&team.owner).await.unwrap(), [tagged("one-v2", "a")]);
    assert_eq!(observe(store, &team, &[], later(10)).await, []);
    assert_eq!(store.known_images(&team.owner).await.unwrap(), []);
}

pub(crate) async fn a_moved_tag_makes_another_submission(db: Db) {
    let store = &db.store;
    let team = team_with_images(store, "alpha", 7).await;
    let mut new = Vec::new();
    for content in ["a", "b", "a"] {
        let seen = observe(store, &team, &[(tagged("one", content), "one")], NOW).await;
        new.push((seen[0].new, seen[0].submission));
        assert_eq!(store.known_images(&team.owner).await.unwrap(), [tagged("one", content)]);
    }
    let (a, b) = (new[0].1, new[1].1);
    assert_ne!(a, b);
    assert_eq!(new, [(true, a), (true, b), (false, a)]);
}

/// The submission of the second tag counts from its own time, and does not share the admission of the first.
pub(crate) async fn one_image_for_two_tasks_makes_two_submissions(db: Db) {
    let store = &db.store;
    let team = team_with_images(store, "alpha", 7).await;
    let one = observe(store, &team, &[(tagged("one", "a"), "one")], NOW).await;
    let lease = claimed(store, one[0].submission, Stage::Admission, NOW).await;
    let end = Next::End { outcome: Outcome::Rejected, incident: None };
    store.finish(&lease, finish(end, vec![]), NOW).await.unwrap();
    let two = observe(store, &team, &[(tagged("two", "a"), "two")], later(60)).await;
    assert!(two[0].new);
    let (one, two) = (record(store, &one[0]).await, record(store, &two[0]).await);
    assert_eq!(one.source, two.source, "the image is fetched once");
    assert_eq!(two.submission.origin.pushed_as(), "method:two");
    assert_eq!(two.submission.observed_at, later(60));
    assert_eq!(one.submission.observed_at, NOW);
    assert_eq!(store.attempts(&one).await.unwrap().len(), 1);
    assert_eq!(store.attempts(&two).await.unwrap(), []);
}

pub(crate) async fn the_same_image_in_another_manifest_is_recognised(db: Db) {
    let store = &db.store;
    let team = team_with_images(store, "alpha", 7).await;
    let of = |task: &TaskSlug, content: &str| tagged(task.as_str(), content);
    let (one, two) = (task("one"), task("two"));
    let first = observe(store, &team, &[(of(&one, "a"), "one")], NOW).await;
    let first = record(store, &first[0]).await;
    assert_eq!(store.same_content(&first, "config").await.unwrap(), None);
    let other_task = observe(store, &team, &[(of(&two, "b"), "two")], NOW).await;
    let other_task = record(store, &other_task[0]).await;
    let same = store.same_content(&other_task, "config").await.unwrap();
    assert_eq!(same, None, "the tag names another task");
    let again = observe(store, &team, &[(of(&one, "c"), "one")], NOW).await;
    let again = record(store, &again[0]).await;
    let same = store.same_content(&again, "config").await.unwrap();
    assert_eq!(same.unwrap().submission.id, first.submission.id);
}
