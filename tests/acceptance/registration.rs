//! Teams that are registered while the challenge runs: one whose repository Referee did not make, and one
//! that an organizer creates by a comment.

use referee::model::Outcome;
use serde_json::json;

use crate::challenge::mistaken;
use crate::instance::at_each;
use crate::model::ForgeVersion;
use crate::published::holds;

const ASKS: &str = "asks to take part as team `zeta`";

#[test]
fn a_registration_request_waits_for_an_organizer() {
    at_each(&[ForgeVersion::Gitea127, ForgeVersion::Forgejo10], |world| {
        world.needs_deliveries();
        let path = format!("/orgs/{}/repos", world.organization);
        let body = json!({ "name": "team-zeta", "private": true, "auto_init": true, "default_branch": "main" });
        world.call("owner", "POST", &path, &body);
        let zeta = world.repository("team-zeta");
        let copy = world.clone_of("owner", &zeta);
        let organizers = world.repository("organizers");
        for text in ["first", "second"] {
            mistaken(&copy, text);
            copy.push_main();
        }
        let issue = world.until("the organizers should be asked", |world| {
            let issue = world.report_issue(&organizers)?;
            let comments = world.bot_comments(&organizers, issue);
            holds(comments.iter().any(|c| c.text.contains(ASKS)), &comments)?;
            Ok(issue)
        });
        world.command("bob", (&organizers, issue), "/team list").message("waits for `/team approve zeta`");
        assert_eq!(world.entered("zeta"), [], "no push is entered before the approval");

        let talk = world.command("bob", (&organizers, issue), "/team approve zeta");
        talk.message("Team `zeta` takes part");
        let standing = copy.head();
        world.ends("zeta", &standing, Outcome::Rejected);
        let sha = mistaken(&copy, "third");
        copy.push_main();
        world.ends("zeta", &sha, Outcome::Rejected);
        world.until("the report should be there", |world| world.report_with(&zeta, &sha, "Rejected"));
        let expected = [standing, sha].map(|sha| (sha, "validation".to_owned()));
        assert_eq!(world.entered("zeta"), expected, "the state at the approval, and the push after it");
        let comments = world.bot_comments(&organizers, issue);
        let asked = comments.iter().filter(|c| c.text.contains(ASKS)).count();
        assert_eq!(asked, 1, "asked once: {comments:#?}");
        let again = world.command("bob", (&organizers, issue), "/team approve zeta");
        assert!(!again.answer.text.contains("takes part with"), "{}", again.answer.text);
    });
}

#[test]
fn an_organizer_creates_a_team_by_a_comment() {
    at_each(&[ForgeVersion::Gitea122, ForgeVersion::Forgejo10], |world| {
        world.needs_deliveries();
        world.let_organizers_make_teams();
        let organizers = world.repository("organizers");
        let issue = world.open("owner", &organizers, "Teams", "The organizers approve teams here.");
        let at = (organizers.as_str(), issue);
        world
            .command("bob", at, "/team add delta unknown-account")
            .message("no account named unknown-account; nothing was created");
        assert_eq!(world.entered("delta"), []);

        let command = format!("/team add delta @{}", world.login("eve"));
        let made = world.command("bob", at, &command);
        made.message("Team `delta` takes part with").message("created: account");
        let again = world.command("bob", at, &command);
        again.message("found: account");
        assert!(!again.answer.text.contains("created:"), "{}", again.answer.text);

        let delta = world.repository("team-delta");
        let copy = world.clone_of("eve", &delta);
        let sha = mistaken(&copy, "first");
        copy.push_main();
        world.ends("delta", &sha, Outcome::Rejected);
        world.until("the report should be there", |world| world.report_with(&delta, &sha, "Rejected"));
        assert_eq!(world.entered("delta"), [(sha, "validation".to_owned())], "the template is not a submission");
        let audit = world.read(world.store().audit_entries(0, 1000));
        let added: Vec<_> = audit.iter().filter(|entry| entry.action == "team add").collect();
        let bob = world.login("bob");
        assert_eq!(added.len(), 1, "{audit:#?}");
        assert!(added[0].actor.contains(&bob) && added[0].subject == "delta", "{added:#?}");
    });
}
