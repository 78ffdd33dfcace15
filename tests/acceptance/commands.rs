//! Comments that command: who may, who may not, and what is no command.

use referee::model::Outcome;
use serde_json::{Value, json};

use crate::challenge::mistaken;
use crate::instance::at_each;
use crate::model::ForgeVersion;
use crate::published::holds;
use crate::world::World;

/// A place for commands: repository and issue.
type At<'a> = (&'a str, i64);

#[test]
fn comments_command() {
    at_each(&[ForgeVersion::Gitea122, ForgeVersion::Gitea127], |world| {
        world.needs_deliveries();
        let alpha = world.team("alpha", &["alice"]);
        let copy = world.clone_of("alice", &alpha);
        let sha = mistaken(&copy, "something to ask about");
        copy.push_main();
        world.ends("alpha", &sha, Outcome::Rejected);
        let issue = world.until("there should be an issue", |world| {
            world.report_issue(&alpha)
        });
        a_team_asks(world, (&alpha, issue));
        what_is_no_command(world, (&alpha, issue));
        an_edited_comment(world, (&alpha, issue));
        outsiders(world, (&alpha, issue));
        let organizers = world.repository("organizers");
        let own = world.open("bob", &organizers, "Orders", "/team list");
        let answer = world.until("an issue's own text should be answered", |world| {
            world.answer((&organizers, own), 0)
        });
        assert!(answer.text.contains("team-alpha"), "{answer:?}");
        organizers_order(world, (&organizers, own));
        an_announcement(world, (&organizers, own), (&alpha, issue));
        the_ledger(world);
    });
}

fn a_team_asks(world: &mut World, at: At<'_>) {
    let help = world.command("alice", at, "/help");
    help.message("/status")
        .message("/quota")
        .message("/withdraw");
    assert!(
        !help.answer.text.contains("/disqualify"),
        "{}",
        help.answer.text
    );
    eprintln!("/help was answered after {:.1?}", help.took);
    world.until("a sign should say that it was heard", |world| {
        let signs = world.reactions(at.0, help.comment);
        holds(signs == ["eyes"], signs)
    });
    world.command("alice", at, "/status").message("rejected");
    world
        .command("alice", at, "/quota")
        .message("validation/segmentation");
    let bot = world.login("bot");
    world
        .command("alice", at, &format!("@{bot} status #1"))
        .message("Rejected by the rules");
    world.command("alice", at, "/status #999").message("999");
    for order in [
        "/phase close validation",
        "/announce Hello",
        "/grant team alpha 5 validation",
    ] {
        world.command("alice", at, order).message("rganizer");
    }
}

fn what_is_no_command(world: &mut World, at: At<'_>) {
    let quiet = [
        "> /status\n\nas somebody said",
        "```\n/status\n```",
        "    /status",
        "We write `/status` here",
        "See /status below",
    ];
    let quiet = quiet.map(|text| world.post("alice", at, text));
    // What comes later is answered; so these would have been.
    world.command("alice", at, "/quota");
    for comment in quiet {
        let answered = world.answer(at, comment);
        assert!(answered.is_err(), "no command: {answered:?}");
        assert_eq!(world.reactions(at.0, comment), Vec::<String>::new());
    }
}

fn an_edited_comment(world: &mut World, at: At<'_>) {
    let talk = world.command("alice", at, "/quota");
    let edited = "/quota\n\n/status\n\n/withdraw #1";
    world.edit("alice", at.0, talk.comment, edited);
    let answer = world.until("what is new should be answered", |world| {
        let answer = world.answer(at, talk.comment)?;
        holds(
            answer.text.contains("came into the text by an edit"),
            &answer,
        )?;
        holds(answer.text.contains("/status"), &answer)?;
        Ok(answer)
    });
    assert_eq!(
        answer.id, talk.answer.id,
        "the answer is edited, not written again"
    );
    let quotas = answer.text.matches("evaluations left today").count();
    assert_eq!(quotas, 1, "what was run is not run again: {}", answer.text);
    let ended = &world.submissions("alpha")[0].submission;
    assert_eq!(
        ended.outcome(),
        Some(Outcome::Rejected),
        "it was not withdrawn"
    );
}

fn outsiders(world: &mut World, at: At<'_>) {
    let path = format!("/repos/{}/issues/{}/comments", at.0, at.1);
    let body = json!({ "body": "/status" });
    let (status, message) = world.ask("eve", "POST", &path, &body);
    assert!(
        matches!(status, 403 | 404),
        "eve has no access: {status} {message}"
    );
    // Somebody who was given a look is still nobody here.
    let path = format!("/repos/{}/collaborators/{}", at.0, world.login("eve"));
    world.call("owner", "PUT", &path, &json!({ "permission": "read" }));
    world
        .command("eve", at, "/status")
        .message("Only members of this team, and organizers");
    world.command("eve", at, "/pause").message("rganizer");
    world.call("owner", "DELETE", &path, &Value::Null);
}

fn organizers_order(world: &mut World, at: At<'_>) {
    let orders = [
        ("/help", "/disqualify"),
        ("/status", "| `validation` | open |"),
        ("/phase close validation", "Its end was"),
        ("/status", "| `validation` | closed |"),
        ("/phase open validation", "Phase `validation`: open"),
        ("/freeze validation", "Frozen: `validation/segmentation`"),
        (
            "/unfreeze validation",
            "Live again: `validation/segmentation`",
        ),
        ("/grant team alpha 3 validation", "has 3 evaluations more"),
        (
            "/disqualify team alpha reason=\"a test\"",
            "Team `alpha` is not ranked",
        ),
        ("/reinstate team alpha", "Team `alpha` is ranked again"),
        (
            "/pause validation the node is down",
            "Paused: `validation/segmentation`",
        ),
        ("/resume validation", "Resumed: `validation/segmentation`"),
        ("/team list", "team-alpha"),
        ("/status #1", "Rejected by the rules"),
        ("/stauts", "/status"),
        ("/grant team alhpa 3 validation", "alpha"),
        ("/team add delta ada", "referee team add delta"),
    ];
    for (order, answer) in orders {
        world.command("bob", at, order).message(answer);
    }
    let both = world.command("bob", at, "/status\n\nand then\n\n/queue");
    both.message("`/status`")
        .message("`/queue`")
        .message("Nothing runs and nothing waits.");
}

fn an_announcement(world: &mut World, at: At<'_>, (alpha, issue): At<'_>) {
    world
        .command("bob", at, "/announce The test phase opens on **Monday**.")
        .message("Told to 1 team.");
    world.until("the team should be told", |world| {
        let said = world.bot_comments(alpha, issue);
        let told = said
            .iter()
            .filter(|s| s.text.contains("opens on **Monday**"));
        holds(told.count() == 1, &said)
    });
}

fn the_ledger(world: &mut World) {
    let audit = world.read(world.store().audit(0, 1000));
    let actions: Vec<&str> = audit.iter().map(|entry| entry.action.as_str()).collect();
    let bob = world.login("bob");
    let ordered = audit
        .iter()
        .filter(|entry| entry.actor.contains(&bob))
        .count();
    assert!(ordered >= 8, "orders of bob in the ledger: {audit:#?}");
    eprintln!("the ledger has {actions:?}");
    let alice = world.login("alice");
    let others = audit
        .iter()
        .filter(|entry| entry.actor.contains(&alice))
        .count();
    assert_eq!(others, 0, "alice has ordered nothing: {audit:#?}");
}
