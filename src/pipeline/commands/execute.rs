//! One command to what it comes to. Every answer is a sentence or more of Markdown; what fails for
//! reasons of ours says so and is in the log.

use super::{answer, look, place};
use crate::command::{self, Command, Extension, Role, Scope};
use crate::model::{Actor, Board, TeamSlug, Timestamp};
use crate::pipeline::orders::{
    Answer, Desk, Reach, Refusal, boards, phases, repositories, rescore, submissions, teams,
};
use crate::pipeline::{App, outbox};
use crate::store::{CommandRecord, RescoreState};

/// What was heard is kept in its plainest form, which speaks to us by `/` and no name.
const NOBODY: &str = "";

/// Where a command is carried out.
struct Order<'a> {
    app: &'a App,
    desk: Desk<'a>,
    place: &'a place::Place<'a>,
    role: Role,
    id: i64,
}

/// Carries out a command. None when it goes on by itself, and [`still`] has the answer later.
pub(super) async fn run(app: &App, record: &CommandRecord) -> Option<String> {
    match attempt(app, record).await {
        Ok(reply) => reply,
        Err(error) => Some(fault(record, &error)),
    }
}

fn fault(record: &CommandRecord, error: &anyhow::Error) -> String {
    let incident = hex::encode(crate::clock::random_bytes::<3>());
    tracing::error!(
        incident,
        command = record.id,
        error = format!("{error:#}"),
        "a command failed for a reason of ours"
    );
    format!(
        "This did not work for a reason that is not yours (incident `{incident}`). Nothing was \
         changed; try again in a while, or look into the server's log."
    )
}

async fn attempt(app: &App, record: &CommandRecord) -> anyhow::Result<Option<String>> {
    let here = &record.place;
    let Some(place) = place::of(app, &here.forge, &here.forge_id).await? else {
        return Ok(Some("This is no longer a place for commands.".to_owned()));
    };
    let command = match command::read(&record.text, NOBODY).pop() {
        Some(written) => match written.command {
            Ok(command) => command,
            Err(error) => return Ok(Some(error.to_string())),
        },
        None => return Ok(Some("This is not understood any more.".to_owned())),
    };
    let role = match place.permit(app, &command, &record.actor).await? {
        Ok(role) => role,
        Err(message) => return Ok(Some(message)),
    };
    let actor = match place.trusted {
        true => Actor::CommandLine,
        false => Actor::Account {
            forge: here.forge.clone(),
            login: record.actor.login.clone(),
        },
    };
    let order = Order {
        app,
        desk: app.desk(place.challenge, &actor),
        place: &place,
        role,
        id: record.id,
    };
    match carry_out(&order, &command).await {
        Ok(reply) => Ok(reply),
        Err(Refusal::Fault(error)) => Err(error.into()),
        Err(refusal) => Ok(Some(refusal.to_string())),
    }
}

/// Whether a command that was begun goes on without us.
pub(super) fn goes_on(record: &CommandRecord) -> bool {
    rescored(record).is_some()
}

fn rescored(record: &CommandRecord) -> Option<Command> {
    let command = command::read(&record.text, NOBODY).pop()?.command.ok()?;
    matches!(command, Command::Rescore { .. }).then_some(command)
}

/// The answer to a command that went on by itself, once there is one.
pub(super) async fn still(app: &App, record: &CommandRecord) -> Option<String> {
    let Some(Command::Rescore { phase, task }) = rescored(record) else {
        return None;
    };
    let result = async {
        let here = &record.place;
        let Some(place) = place::of(app, &here.forge, &here.forge_id).await? else {
            return Ok(Some("This is no longer a place for commands.".to_owned()));
        };
        let board = Board {
            challenge: place.challenge.slug.clone(),
            phase,
            task,
        };
        let actor = Actor::CommandLine;
        let desk = app.desk(place.challenge, &actor);
        anyhow::Ok(match rescore::preview(&desk, &board).await {
            Ok(preview) if matches!(preview.state, RescoreState::Ready | RescoreState::Failed) => {
                Some(answer::preview(&preview))
            }
            Ok(_) => None,
            Err(Refusal::Fault(error)) => return Err(error.into()),
            Err(refusal) => Some(refusal.to_string()),
        })
    };
    match result.await {
        Ok(reply) => reply,
        // The forge or the database may be away; the answer is not lost.
        Err(error) => {
            tracing::info!(
                command = record.id,
                error = format!("{error:#}"),
                "no answer yet"
            );
            None
        }
    }
}

fn reach(scope: Option<&Scope>) -> Reach {
    Reach {
        phase: scope.map(|s| s.phase.clone()),
        task: scope.and_then(|s| s.task.clone()),
    }
}

async fn carry_out(order: &Order<'_>, command: &Command) -> Answer<Option<String>> {
    let desk = &order.desk;
    Ok(Some(match command {
        Command::Help(None) => command::help(order.role),
        Command::Help(Some(topic)) => {
            command::help_on(topic.as_str()).unwrap_or_else(|error| error.to_string())
        }
        Command::Status(subject) => {
            look::status(order.app, desk, order.place.team.as_ref(), subject.as_ref()).await?
        }
        Command::Quota => look::quota(desk, order.place.team.as_ref()).await?,
        Command::Queue => look::queue(order.app, desk).await?,
        Command::TeamList => look::teams(desk).await?,
        Command::Choose(number) => {
            let chosen = teams::choose(desk, team(order)?, *number).await?;
            answer::chosen(&chosen)
        }
        Command::Withdraw(number) => {
            let ended = match (&order.place.team, order.role) {
                (Some(team), Role::Participant) => submissions::withdraw(desk, team, *number).await,
                _ => submissions::cancel(desk, *number, "").await,
            };
            answer::cancelled(&ended?)
        }
        Command::Cancel(number) => {
            answer::cancelled(&submissions::cancel(desk, *number, "").await?)
        }
        Command::Rerun(number) => {
            answer::rerun(&submissions::rerun(desk, *number, (None, "")).await?)
        }
        Command::Rescore { phase, task } => {
            let board = board(order, phase.clone(), task.clone());
            rescore::rescore(desk, &board).await?;
            return Ok(None);
        }
        Command::Apply(number) => {
            let board = look::rescored_board(desk, *number).await?;
            let turned = rescore::apply(desk, &board).await?;
            changed(order).await?;
            answer::applied(&turned)
        }
        Command::Discard(number) => {
            let board = look::rescored_board(desk, *number).await?;
            rescore::discard(desk, &board).await?;
            format!("The rescore of `{board}` is dropped; the board stays as it is.")
        }
        Command::Announce(text) => announce(order, text).await?,
        Command::Export(scope) => look::export(order.app, desk, scope).await?,
        Command::TeamAdd { team, members } => {
            let members: Vec<&str> = members.iter().map(command::Login::as_str).collect();
            newcomer(order, team, &members).await?
        }
        Command::TeamApprove(team) => approve(order, team).await?,
        other => return switch(order, other).await.map(Some),
    }))
}

/// Commands that change a board or a phase.
async fn switch(order: &Order<'_>, command: &Command) -> Answer<String> {
    let desk = &order.desk;
    let message = match command {
        Command::Pause { scope, reason } => {
            let why = reason.as_deref().unwrap_or_default();
            let done = boards::pause(desk, &reach(scope.as_ref()), why).await?;
            answer::boards("Paused", &done.boards, "No further evaluation starts.")
        }
        Command::Resume(scope) => {
            let done = boards::resume(desk, &reach(scope.as_ref())).await?;
            answer::boards("Resumed", &done.boards, "Evaluations start again.")
        }
        Command::Freeze(scope) => {
            let done = boards::freeze(desk, &reach(Some(scope))).await?;
            let message = "Everybody sees the standings of this moment until `/unfreeze`.";
            answer::boards("Frozen", &done.boards, message)
        }
        Command::Unfreeze(scope) => {
            let done = boards::unfreeze(desk, &reach(Some(scope))).await?;
            answer::boards("Live again", &done.boards, "")
        }
        Command::Publish(scope) => {
            let done = boards::publish(desk, &reach(Some(scope))).await?;
            answer::boards("Public", &done.boards, "Everybody sees them now.")
        }
        Command::PhaseOpen(phase) => answer::phase(&phases::open(desk, phase).await?),
        Command::PhaseClose(phase) => answer::phase(&phases::close(desk, phase).await?),
        Command::PhaseExtend { phase, to } => {
            let until = until(desk, phase, *to).await?;
            answer::phase(&phases::extend(desk, phase, until).await?)
        }
        Command::Disqualify { team, reason } => {
            let whole = Reach::default();
            let done = teams::disqualify(desk, team, (&whole, reason.as_str())).await?;
            answer::boards(
                &format!("Team `{}` is not ranked", done.team),
                &done.boards,
                "Its scores stay; `/reinstate` takes this back.",
            )
        }
        Command::Reinstate(team) => {
            let done = teams::reinstate(desk, team, &Reach::default()).await?;
            let message = format!("Team `{}` is ranked again", done.team);
            answer::boards(&message, &done.boards, "")
        }
        Command::Grant {
            team,
            evaluations,
            scope,
        } => grant(order, (team, *evaluations), scope).await?,
        _ => "This command is not known here.".to_owned(),
    };
    changed(order).await?;
    Ok(message)
}

/// The boards may look different now.
async fn changed(order: &Order<'_>) -> Answer<()> {
    let App {
        context, forges, ..
    } = order.app;
    if let Some(message) = outbox::leaderboards(context, forges, order.desk.challenge) {
        context.store.enqueue(&message, order.desk.now).await?;
    }
    Ok(())
}

fn board(order: &Order<'_>, phase: crate::model::PhaseSlug, task: crate::model::TaskSlug) -> Board {
    Board {
        challenge: order.desk.challenge.slug.clone(),
        phase,
        task,
    }
}

fn team<'a>(order: &'a Order<'_>) -> Answer<&'a TeamSlug> {
    order.place.team.as_ref().ok_or_else(|| {
        Refusal::Already("only a team chooses for itself, in its own repository".to_owned())
    })
}

async fn until(
    desk: &Desk<'_>,
    phase: &crate::model::PhaseSlug,
    to: Extension,
) -> Answer<Timestamp> {
    let by = match to {
        Extension::Until(timestamp) => return Ok(timestamp),
        Extension::By(span) => span,
    };
    let orders = desk.store.overrides(&desk.challenge.slug).await?;
    let file = desk.challenge.phase(phase);
    let closes = file.map(|p| orders.phase(&desk.challenge.slug, p).closes);
    // An unknown phase is refused by the order itself.
    Ok(closes.unwrap_or(desk.now).plus(by))
}

async fn grant(
    order: &Order<'_>,
    (team, evaluations): (&TeamSlug, i64),
    scope: &Scope,
) -> Answer<String> {
    let amount = u32::try_from(evaluations).unwrap_or(u32::MAX);
    let tasks = match &scope.task {
        Some(task) => vec![task.clone()],
        None => order
            .desk
            .challenge
            .tasks
            .iter()
            .map(|t| t.slug.clone())
            .collect(),
    };
    let mut message = Vec::new();
    for task in tasks {
        let board = board(order, scope.phase.clone(), task);
        let granted = teams::grant(&order.desk, (&board, team), (amount, "")).await?;
        message.push(answer::granted(&granted));
    }
    Ok(message.join("\n"))
}

async fn newcomer(order: &Order<'_>, team: &TeamSlug, members: &[&str]) -> Answer<String> {
    let forge = &order.desk.challenge.forge;
    let Some(forge) = order.app.forges.get(forge) else {
        return Ok(answer::team_add(team, members));
    };
    let made = repositories::add(&order.desk, forge.as_ref(), (team, members)).await?;
    Ok(match made {
        Some((bound, made)) => answer::newcomer(&bound, &made),
        None => answer::team_add(team, members),
    })
}

async fn approve(order: &Order<'_>, team: &TeamSlug) -> Answer<String> {
    let pending = repositories::pending(&order.desk).await?;
    let Some(request) = pending.iter().find(|c| c.team == *team) else {
        let known = pending.iter().map(|c| c.team.as_str());
        return Err(Refusal::unknown(
            "team that waits for an approval",
            team,
            known,
        ));
    };
    let name = request.full_name.clone();
    repositories::approve_and_look(order.app, &order.desk, &name).await?;
    Ok(format!("Team `{team}` takes part with `{name}`."))
}

async fn announce(order: &Order<'_>, text: &str) -> Answer<String> {
    let mut all = order.desk.store.repositories().await?;
    all.retain(|r| r.challenge == order.desk.challenge.slug);
    let subject = format!("announcement {}", order.id);
    for repository in &all {
        let notice = outbox::team_notice(repository, &subject, text, order.desk.now);
        order
            .desk
            .store
            .enqueue_once(&notice, order.desk.now)
            .await?;
    }
    Ok(format!(
        "Told to {} {}.",
        all.len(),
        if all.len() == 1 { "team" } else { "teams" }
    ))
}
