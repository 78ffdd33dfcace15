//! Commands in comments: who may give them, who may not, and which texts are not commands.

use referee::model::Outcome;
use serde_json::{Value, json};

use crate::challenge::mistaken;
use crate::instance::at_each;
use crate::model::ForgeVersion;
use crate::published::holds;
use crate::world::World;

/// An issue that takes commands: its repository and number.
type At<'a> = (&'a str, i64);

#[test]
fn commands_in_comments_are_carried_out() {
    at_each(&[ForgeVersion::Gitea122, ForgeVersion::Gitea127], |world| {
        world.needs_deliveries();
        let alpha = world.team("alpha", &["alice"]);
        let copy = world.clone_of("alice", &alpha);
        let sha = mistaken(&copy, "something to ask about");
        copy.push_main();
        world.ends("alpha", &sha, Outcome::Rejected);
        let issue = world.until("there should be an issue", |world| world.report_issue(&alpha));
        commands_of_a_team(world, (&alpha, issue));
        texts_that_are_not_commands(world, (&alpha, issue));
        an_edited_comment(world, (&alpha, issue));
        outsiders(world, (&alpha, issue));
        let organizers = world.repository("organizers");
        let own = world.open("bob", &organizers, "Commands", "/team list");
        let answer =
            world.until("the issue's own text should get a reply", |world| world.answer((&organizers, own), 0));
        assert!(answer.text.contains("team-alpha"), "{answer:?}");
        commands_of_organizers(world, (&organizers, own));
        an_announcement(world, (&organizers, own), (&alpha, issue));
        the_audit_log(world);
    });
}

fn commands_of_a_team(world: &mut World, at: At<'_>) {
    let help = world.command("alice", at, "/help");
    help.message("/status").message("/quota").message("/withdraw");
    assert!(!help.answer.text.contains("/disqualify"), "{}", help.answer.text);
    eprintln!("the reply to /help took {:.1?}", help.took);
    world.until("a reaction should confirm the command", |world| {
        let reactions = world.reactions(at.0, help.comment);
        holds(reactions == ["eyes"], reactions)
    });
    world.command("alice", at, "/status").message("rejected");
    world.command("alice", at, "/quota").message("validation/segmentation");
    let bot = world.login("bot");
    world.command("alice", at, &format!("@{bot} status #1")).message("Rejected by the rules");
    world.command("alice", at, "/status #999").message("999");
    for command in ["/phase close validation", "/announce Hello", "/grant team alpha 5 validation"] {
        world.command("alice", at, command).message("Only organizers");
    }
}

fn texts_that_are_not_commands(world: &mut World, at: At<'_>) {
    let quiet =
        ["> /status\n\nis a quote", "```\n/status\n```", "    /status", "We write `/status` here", "See /status below"];
    let quiet = quiet.map(|text| world.post("alice", at, text));
    // A later command gets its reply, so these would have got theirs.
    world.command("alice", at, "/quota");
    for comment in quiet {
        let reply = world.answer(at, comment);
        assert!(reply.is_err(), "not a command: {reply:?}");
        assert_eq!(world.reactions(at.0, comment), Vec::<String>::new());
    }
}

fn an_edited_comment(world: &mut World, at: At<'_>) {
    let talk = world.command("alice", at, "/quota");
    let edited = "/quota\n\n/status\n\n/withdraw #1";
    world.edit("alice", at.0, talk.comment, edited);
    let answer = world.until("the new command should get a reply", |world| {
        let answer = world.answer(at, talk.comment)?;
        holds(answer.text.contains("because an edit added it to the text"), &answer)?;
        holds(answer.text.contains("/status"), &answer)?;
        Ok(answer)
    });
    assert_eq!(answer.id, talk.answer.id, "the reply is edited, not written again");
    let quotas = answer.text.matches("Evaluations left today").count();
    assert_eq!(quotas, 1, "the old command is not run again: {}", answer.text);
    let ended = &world.submissions("alpha")[0].submission;
    assert_eq!(ended.outcome(), Some(Outcome::Rejected), "it was not withdrawn");
}

fn outsiders(world: &mut World, at: At<'_>) {
    let path = format!("/repos/{}/issues/{}/comments", at.0, at.1);
    let body = json!({ "body": "/status" });
    let (status, message) = world.ask("eve", "POST", &path, &body);
    assert!(matches!(status, 403 | 404), "eve has no access: {status} {message}");
    // A person who may read the repository is not a member of the team.
    let path = format!("/repos/{}/collaborators/{}", at.0, world.login("eve"));
    world.call("owner", "PUT", &path, &json!({ "permission": "read" }));
    world.command("eve", at, "/status").message("Only members of this team and organizers can use this command.");
    world.command("eve", at, "/pause").message("Only organizers");
    world.call("owner", "DELETE", &path, &Value::Null);
}

fn commands_of_organizers(world: &mut World, at: At<'_>) {
    let commands = [
        ("/help", "/disqualify"),
        ("/status", "| `validation` | open |"),
        ("/phase close validation", "The closing time was"),
        ("/status", "| `validation` | closed |"),
        ("/phase open validation", "Phase `validation` opens at"),
        ("/freeze validation", "Frozen: `validation/segmentation`"),
        ("/unfreeze validation", "Unfrozen: `validation/segmentation`"),
        ("/grant team alpha 3 validation", "has 3 more evaluations on"),
        ("/disqualify team alpha reason=\"a test\"", "Team `alpha` is disqualified"),
        ("/reinstate team alpha", "Team `alpha` is ranked again"),
        ("/pause validation the node is down", "Paused: `validation/segmentation`"),
        ("/resume validation", "Resumed: `validation/segmentation`"),
        ("/team list", "team-alpha"),
        ("/status #1", "Rejected by the rules"),
        ("/stauts", "/status"),
        ("/grant team alhpa 3 validation", "alpha"),
        ("/team add delta ada", "referee team add delta"),
    ];
    for (command, reply) in commands {
        world.command("bob", at, command).message(reply);
    }
    let both = world.command("bob", at, "/status\n\nand then\n\n/queue");
    both.message("`/status`").message("`/queue`").message("No submission runs, and none waits.");
}

fn an_announcement(world: &mut World, at: At<'_>, team: At<'_>) {
    let (alpha, issue) = team;
    world
        .command("bob", at, "/announce The test phase opens on **Monday**.")
        .message("Referee posts the announcement to 1 team.");
    world.until("the team should get the announcement", |world| {
        let comments = world.bot_comments(alpha, issue);
        let announced = comments.iter().filter(|s| s.text.contains("opens on **Monday**"));
        holds(announced.count() == 1, &comments)
    });
}

fn the_audit_log(world: &mut World) {
    let audit = world.read(world.store().audit_entries(0, 1000));
    let actions: Vec<&str> = audit.iter().map(|entry| entry.action.as_str()).collect();
    let bob = world.login("bob");
    let by_bob = audit.iter().filter(|entry| entry.actor.contains(&bob)).count();
    assert!(by_bob >= 8, "commands of bob in the audit log: {audit:#?}");
    eprintln!("the audit log has {actions:?}");
    let alice = world.login("alice");
    let others = audit.iter().filter(|entry| entry.actor.contains(&alice)).count();
    assert_eq!(others, 0, "alice has changed nothing: {audit:#?}");
}
