//! Commands: each is recorded once, begun once and ended once.

use referee::model::Sender;
use referee::store::{CommandState, NewCommand, PriorityClass, TextRef};

use crate::database::Db;
use crate::world::*;

fn comment(comment_id: i64) -> TextRef {
    TextRef { forge: forge(), forge_id: "4".to_owned(), issue: 1, comment_id }
}

fn bob() -> Sender {
    Sender { id: 3, login: "bob".to_owned() }
}

fn command(text: &str, ordinal: i64) -> NewCommand {
    NewCommand { text: text.to_owned(), ordinal, reply: None }
}

/// Each command of a text becomes one row, even if the text is read several times and at the same time.
pub(crate) async fn a_command_is_recorded_once(db: Db) {
    let other = db.again().await;
    let text = [command("/help", 0), command("/grant x \0", 0)];
    let (source, author) = (comment(7), bob());
    for _ in 0..3 {
        let (a, b) = tokio::join!(
            db.store.record_commands(&source, &author, &text, &[], NOW),
            other.record_commands(&source, &author, &text, &[], NOW)
        );
        a.unwrap();
        b.unwrap();
    }
    let known = db.store.commands_of(&comment(7)).await.unwrap();
    let texts: Vec<_> = known.iter().map(|k| k.text.as_str()).collect();
    assert_eq!(texts, ["/help", "/grant x  "]);
    assert_eq!(known[0].actor, bob());
    // The same command a second time in the text is another command. So is the same command in another text.
    let twice = [command("/help", 0), command("/help", 1)];
    let new = db.store.record_commands(&source, &author, &twice, &[], NOW).await;
    assert_eq!(new.unwrap(), 1);
    let new = db.store.record_commands(&comment(8), &author, &text, &[], NOW).await;
    assert_eq!(new.unwrap(), 2);
}

pub(crate) async fn a_command_is_begun_and_ended_once(db: Db) {
    let mut misspelt = command("/hepl", 0);
    misspelt.reply = Some("Did you mean `/help`?".to_owned());
    let text = [command("/status", 0), misspelt];
    let (source, author) = (comment(7), bob());
    let reaction = [message("reaction", 1)];
    let new = db.store.record_commands(&source, &author, &text, &reaction, NOW);
    assert_eq!(new.await.unwrap(), 2);
    // When the text is read again, nothing is new.
    let again = db.store.record_commands(&source, &author, &text, &reaction, NOW);
    assert_eq!(again.await.unwrap(), 0);
    let due = db.store.due_messages(&forge(), PriorityClass::Rest, later(9), 9).await.unwrap();
    assert_eq!((due.len(), due[0].version), (1, 1));
    // A command that needs no execution has ended.
    let open = db.store.commands_in(CommandState::New).await.unwrap();
    assert_eq!(open.len(), 1);
    let id = open[0].id;
    let other = db.again().await;
    let (a, b) = tokio::join!(db.store.begin_command(id), other.begin_command(id));
    assert!(a.unwrap() ^ b.unwrap());
    let running = db.store.commands_in(CommandState::Running).await.unwrap();
    assert_eq!(running.len(), 1);
    let reply = message("answer", 1);
    let ended = db.store.end_command(id, "so \0", Some(&reply), later(1));
    ended.await.unwrap();
    // The first reply is kept.
    for message in [None, Some(&reply)] {
        let ended = db.store.end_command(id, "other", message, later(2));
        ended.await.unwrap();
    }
    let due = db.store.due_messages(&forge(), PriorityClass::Rest, later(9), 9).await.unwrap();
    let replies: Vec<_> = due.iter().filter(|d| d.subject == "answer").collect();
    assert_eq!((replies.len(), replies[0].version), (1, 1), "the reply is enqueued once, with the end");
    let known = db.store.commands_of(&comment(7)).await.unwrap();
    assert_eq!(known[0].reply.as_deref(), Some("so  "));
    assert_eq!(known[0].state, CommandState::Ended);
    assert_eq!(known[1].reply.as_deref(), Some("Did you mean `/help`?"));
    let ended = db.store.commands_in(CommandState::Ended).await.unwrap();
    assert_eq!(ended, [], "ended commands are found by their text only");
}
