//! `/team add NAME USER…`: creates a team with its repository and members.

use super::team_registration::add_team;
use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec};
use crate::forge::CreatedTeam;
use crate::model::{TeamSlug, limits};
use crate::report::escape::markdown_text;
use crate::store::Repository;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamAdd {
    team: TeamSlug,
    /// Accounts without `@`; at least one, each once.
    members: Vec<String>,
}

impl CommandHandler for TeamAdd {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "team add",
        takes: "NAME USER…",
        summary: "Creates a team with its repository and these members.",
        details: "Members are accounts of the forge, with or without `@`. If parts of the team exist, the command adds \
                  the missing ones and removes nothing.",
        examples: &["/team add alpha ada grace", "/team add alpha @ada"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        Ok(Self { team: args.team_name()?, members: parse_members(args)? })
    }

    fn arguments(&self) -> String {
        format!("{} {}", self.team, self.members.join(" "))
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let members: Vec<&str> = self.members.iter().map(String::as_str).collect();
        let forge = context.daemon()?.forges.get(&context.challenge.forge);
        let added = match forge {
            Some(forge) => add_team(context, forge.as_ref(), &self.team, &members).await?,
            None => None,
        };
        Ok(match added {
            Some((bound, made)) => created(&bound, &made),
            None => self.needs_owner(),
        }
        .into())
    }
}

fn parse_members(args: &mut Args<'_>) -> Result<Vec<String>, CommandError> {
    let expected = "the account of a member";
    let mut word = args.require_word(expected)?;
    let mut members: Vec<String> = Vec::new();
    loop {
        let name = word.text.strip_prefix('@').unwrap_or(&word.text);
        let is_valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let fits = (1..=limits::LOGIN_CHARS_MAX).contains(&name.len());
        if !fits || !name.chars().all(is_valid) {
            return Err(args.invalid(&word, expected));
        }
        // `Ada` and `ada` are the same account on a forge.
        if members.iter().any(|member| member.eq_ignore_ascii_case(name)) {
            return Err(args.repeated(&word.text, &word));
        }
        if members.len() == limits::TEAM_MEMBERS_MAX {
            let most = format!("at most {} members of a team", limits::TEAM_MEMBERS_MAX);
            return Err(args.invalid(&word, &most));
        }
        members.push(name.to_owned());
        match args.next_word()? {
            Some(next) => word = next,
            None => return Ok(members),
        }
    }
}

fn created(bound: &Repository, made: &CreatedTeam) -> String {
    let steps: Vec<String> =
        made.steps.iter().map(|step| format!("- {}: {}", step.outcome, markdown_text(&step.subject))).collect();
    format!(
        "Team `{}` takes part with `{}`.\n\n{}\n\nIts members clone the repository, change it and push:\n\n```sh\n\
         git clone {}\n```",
        bound.team,
        bound.full_name,
        steps.join("\n"),
        made.url
    )
}

impl TeamAdd {
    fn needs_owner(&self) -> String {
        let team = &self.team;
        format!(
            "The account of Referee has no right to create a team, so nothing was created. Creating a repository and a \
             forge team needs the token of an owner of the organization. There are three ways:\n\n\
             - The maintainer of this server runs `referee team add {team} {} --owner-token-file FILE`.\n\
             - The maintainer sets `owner-token-file` of this forge in `referee.toml`, and you repeat this command.\n\
             - An owner creates the repository and the forge team by hand, and you use `/team approve {team}`.",
            self.members.join(" ")
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Command;
    use super::super::team_registration::bind_team;
    use super::super::tests::{AnyCommand, World, arbitrary_team, assert_replies};
    use super::*;
    use crate::command::parse_arguments;
    use crate::forge::{ForgeRepository, Step, StepOutcome};

    impl AnyCommand for TeamAdd {
        fn any() -> impl Strategy<Value = Self> + 'static {
            let members = proptest::collection::btree_set("[a-z0-9._-]{1,12}", 1..6);
            (arbitrary_team(), members)
                .prop_map(|(team, members)| Self { team, members: members.into_iter().collect() })
        }
    }

    #[tokio::test]
    async fn the_reply_lists_the_created_parts_or_the_ways_to_create_them() {
        let mut world = World::new().await;
        world.organizer("/team add alpha ada grace").await;
        world.assert_transcript("team add");
        let context = world.context();
        let made = CreatedTeam {
            repository: ForgeRepository {
                id: "7".to_owned(),
                full_name: "nuclei/team-alpha".to_owned(),
                private: true,
                archived: false,
            },
            url: "https://forge.example/nuclei/team-alpha.git".to_owned(),
            steps: vec![
                Step::new(StepOutcome::Created, "repository nuclei/team-alpha"),
                Step::new(StepOutcome::Found, "account ada"),
            ],
        };
        let team = TeamSlug::new("alpha").unwrap();
        let bound = bind_team(&context, &team, &made.repository, Vec::new()).await;
        let command = TeamAdd { team, members: vec!["ada".to_owned(), "grace".to_owned()] };
        let replies = [created(&bound.unwrap(), &made), command.needs_owner()];
        assert_replies("team_add_replies", &replies.join("\n\n-----\n\n"));
        assert_eq!(world.audit().await, ["team add"]);
    }

    #[test]
    fn a_team_has_at_most_fifty_members() {
        let mut words = vec!["team".to_owned(), "add".to_owned(), "alpha".to_owned()];
        words.extend((0..=limits::TEAM_MEMBERS_MAX).map(|n| format!("user{n}")));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let parsed = parse_arguments::<Command>(&words[..words.len() - 1]);
        assert!(parsed.is_ok(), "{parsed:?}");
        let error = parse_arguments::<Command>(&words).unwrap_err().to_string();
        assert!(error.contains("expected at most 50 members of a team"), "{error}");
    }
}
