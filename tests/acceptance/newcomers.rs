//! A repository whose name fits the pattern of teams, and that nobody here made.

use referee::model::Outcome;
use serde_json::json;

use crate::challenge::mistaken;
use crate::looks::holds;
use crate::model::Dialect;
use crate::place::at_each;

const ASKS: &str = "wants to take part as team `zeta`";

#[test]
fn a_newcomer_waits_for_an_organizer() {
    at_each(&[Dialect::Gitea127, Dialect::Forgejo10], |world| {
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
            let issue = world.thread(&organizers)?;
            let said = world.said(&organizers, issue);
            holds(said.iter().any(|s| s.text.contains(ASKS)), &said)?;
            Ok(issue)
        });
        world
            .say("bob", (&organizers, issue), "/team list")
            .says("waits for `/team approve zeta`");
        assert_eq!(
            world.entered("zeta"),
            [],
            "nothing is read before the approval"
        );

        let talk = world.say("bob", (&organizers, issue), "/team approve zeta");
        talk.says("Team `zeta` takes part");
        let standing = copy.head();
        world.ends(("zeta", &standing), Outcome::Rejected);
        let sha = mistaken(&copy, "third");
        copy.push_main();
        world.ends(("zeta", &sha), Outcome::Rejected);
        world.until("the report should be there", |world| {
            world.report_with(&zeta, &sha, "Rejected")
        });
        let expected = [standing, sha].map(|sha| (sha, "validation".to_owned()));
        assert_eq!(
            world.entered("zeta"),
            expected,
            "what stood there, and what came"
        );
        let said = world.said(&organizers, issue);
        let asked = said.iter().filter(|s| s.text.contains(ASKS)).count();
        assert_eq!(asked, 1, "asked once: {said:#?}");
        let again = world.say("bob", (&organizers, issue), "/team approve zeta");
        assert!(
            !again.answer.text.contains("takes part with"),
            "{}",
            again.answer.text
        );
    });
}
