//! The table of commands: the single source of grammar, permission, help and documentation.
//!
//! Every row is tried by its own examples in the tests. Nothing about a command is written twice.

use super::args::Args;
use super::order::{Command, Extension, Topic};
use super::{CommandError, Verb};

/// In whose name somebody speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Of the forge's team of organizers.
    Organizer,
    /// Of a team, in the team's own repository.
    Participant,
}

/// Who may give a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Organizers, anywhere.
    Organizer,
    /// Members of a team, in the team's own repository.
    Participant,
    /// Both.
    Both,
}

impl Who {
    /// Whether somebody in this role is meant.
    pub fn includes(self, role: Role) -> bool {
        match self {
            Self::Organizer => role == Role::Organizer,
            Self::Participant => role == Role::Participant,
            Self::Both => true,
        }
    }
}

type Parse = fn(&mut Args<'_>) -> Result<Command, CommandError>;

/// One command.
#[derive(Debug)]
pub struct Row {
    /// Which command.
    pub verb: Verb,
    /// One word, or two of which the first names a family: `phase open`.
    pub name: &'static str,
    /// What follows the name: words in small letters as they are, in capitals what to replace,
    /// brackets around what may be left out.
    pub takes: &'static str,
    /// The names before `=` that it takes.
    pub keys: &'static [&'static str],
    /// Who may give it.
    pub who: Who,
    /// Takes something away, cannot be taken back, or adds up when it is said twice: never run
    /// from an edited text.
    pub destructive: bool,
    /// What it does, in one line.
    pub summary: &'static str,
    /// What is worth knowing beyond that, as Markdown.
    pub details: &'static str,
    /// Commands as people write them.
    pub examples: &'static [&'static str],
    pub(super) parse: Parse,
}

impl Row {
    /// How it is written, for example `/phase open PHASE`.
    pub fn usage(&self) -> String {
        match self.takes {
            "" => format!("/{}", self.name),
            takes => format!("/{} {takes}", self.name),
        }
    }

    /// The first word of its name.
    pub fn family(&self) -> &'static str {
        self.name.split(' ').next().unwrap_or(self.name)
    }
}

/// The row of a command.
pub fn row(verb: Verb) -> &'static Row {
    &TABLE[verb as usize]
}

/// The rows that a name stands for: its own, or all of its family.
pub(super) fn rows(topic: Topic) -> impl Iterator<Item = &'static Row> {
    let matches = move |row: &&Row| row.name == topic.as_str() || row.family() == topic.as_str();
    TABLE.iter().filter(matches)
}

/// Every name that somebody can ask help for, and families, in the order of the table.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let names = TABLE.iter().flat_map(|row| [row.family(), row.name]);
    let mut before = "";
    names.filter(move |name| std::mem::replace(&mut before, name) != *name)
}

/// A row without what most rows are without.
const PLAIN: Row = Row {
    verb: Verb::Help,
    name: "",
    takes: "",
    keys: &[],
    who: Who::Organizer,
    destructive: false,
    summary: "",
    details: "",
    examples: &[],
    parse: |_| Ok(Command::Help(None)),
};

/// All commands, in the order of [`Verb`].
pub static TABLE: [Row; Verb::COUNT] = [
    Row {
        verb: Verb::Help,
        name: "help",
        takes: "[COMMAND]",
        who: Who::Both,
        summary: "Lists the commands, or explains one.",
        details: "Only the commands that you may give are listed.",
        examples: &["/help", "/help rescore", "/help phase open"],
        parse: |args| Ok(Command::Help(args.topic()?)),
        ..PLAIN
    },
    Row {
        verb: Verb::Status,
        name: "status",
        takes: "[#12 | team NAME | PHASE[/TASK]]",
        who: Who::Both,
        summary: "Tells how a submission stands; organizers may ask for a team, a phase or a board, too.",
        details: "Alone it gives an overview: of everything to organizers, of the own submissions to a team.",
        examples: &[
            "/status",
            "/status #12",
            "/status team alpha",
            "/status validation/segmentation",
        ],
        parse: |args| Ok(Command::Status(args.subject()?)),
        ..PLAIN
    },
    Row {
        verb: Verb::Quota,
        name: "quota",
        who: Who::Participant,
        summary: "Tells how many evaluations and tries your team has left.",
        details: "Counted for each phase and task, with the time at which more become free.",
        examples: &["/quota"],
        parse: |_| Ok(Command::Quota),
        ..PLAIN
    },
    Row {
        verb: Verb::Choose,
        name: "choose",
        takes: "#12",
        who: Who::Participant,
        summary: "Lets this submission count for your team.",
        details: "Only in a phase whose `pick` is `chosen`, and until the phase closes. The last choice counts.",
        examples: &["/choose #12"],
        parse: |args| Ok(Command::Choose(args.submission()?)),
        ..PLAIN
    },
    Row {
        verb: Verb::Withdraw,
        name: "withdraw",
        takes: "#12",
        who: Who::Both,
        destructive: true,
        summary: "Takes a submission back: it leaves the board and never counts again.",
        details: "A team withdraws its own submissions only. What was spent on it stays spent.",
        examples: &["/withdraw #12"],
        parse: |args| Ok(Command::Withdraw(args.submission()?)),
        ..PLAIN
    },
    Row {
        verb: Verb::Queue,
        name: "queue",
        summary: "Lists what runs and what waits, in the order in which it will start.",
        details: "With the expected time of each, from what earlier runs took.",
        examples: &["/queue"],
        parse: |_| Ok(Command::Queue),
        ..PLAIN
    },
    Row {
        verb: Verb::Pause,
        name: "pause",
        takes: "[PHASE[/TASK]] [REASON…]",
        keys: &["reason"],
        summary: "Starts no more evaluations: of a board, of a phase, or at all.",
        details: "What runs goes on, and pushes are still checked. The reason is shown to those who wait. \
                  Without a phase, write it in quotes: `/pause \"GPU node is down\"`.",
        examples: &[
            "/pause",
            "/pause validation the GPU node is down",
            "/pause validation/segmentation",
            "/pause reason=\"the GPU node is down\"",
        ],
        parse: |args| {
            let (scope, reason) = args.pause()?;
            Ok(Command::Pause { scope, reason })
        },
        ..PLAIN
    },
    Row {
        verb: Verb::Resume,
        name: "resume",
        takes: "[PHASE[/TASK]]",
        summary: "Starts evaluations again that were paused.",
        details: "Name what was paused; alone it ends every pause.",
        examples: &["/resume", "/resume validation"],
        parse: |args| Ok(Command::Resume(args.scope_or_all()?)),
        ..PLAIN
    },
    Row {
        verb: Verb::PhaseOpen,
        name: "phase open",
        takes: "PHASE",
        summary: "Opens a phase now, whatever its `opens` says.",
        details: "Pushes from now on are entered for it.",
        examples: &["/phase open validation"],
        parse: |args| Ok(Command::PhaseOpen(args.phase()?)),
        ..PLAIN
    },
    Row {
        verb: Verb::PhaseClose,
        name: "phase close",
        takes: "PHASE",
        destructive: true,
        summary: "Closes a phase now, whatever its `closes` says.",
        details: "What was pushed before is still evaluated. `/phase open PHASE` opens it again.",
        examples: &["/phase close validation"],
        parse: |args| Ok(Command::PhaseClose(args.phase()?)),
        ..PLAIN
    },
    Row {
        verb: Verb::PhaseExtend,
        name: "phase extend",
        takes: "PHASE (by 2d | until 2026-09-20T23:59Z | until 2026-09-20)",
        destructive: true,
        summary: "Moves the end of a phase.",
        details: "`by` counts from the end as it is now, in `d`, `h` and `m`: `2d`, `1d12h`. `until` takes a \
                  moment with its time zone, or a day, which ends at 23:59:59 UTC.",
        examples: &[
            "/phase extend validation by 2d",
            "/phase extend validation until 2026-09-20T23:59Z",
            "/phase extend validation until 2026-09-20",
        ],
        parse: |args| {
            let phase = args.phase()?;
            let to: Extension = args.extension()?;
            Ok(Command::PhaseExtend { phase, to })
        },
        ..PLAIN
    },
    Row {
        verb: Verb::Freeze,
        name: "freeze",
        takes: "PHASE[/TASK]",
        summary: "Lets the public board stand still as it is now.",
        details: "Evaluations go on; organizers still see the moving board.",
        examples: &["/freeze validation", "/freeze validation/segmentation"],
        parse: |args| Ok(Command::Freeze(args.scope()?)),
        ..PLAIN
    },
    Row {
        verb: Verb::Unfreeze,
        name: "unfreeze",
        takes: "PHASE[/TASK]",
        summary: "Lets a frozen board move again.",
        details: "Everything that happened meanwhile appears at once.",
        examples: &["/unfreeze validation"],
        parse: |args| Ok(Command::Unfreeze(args.scope()?)),
        ..PLAIN
    },
    Row {
        verb: Verb::Publish,
        name: "publish",
        takes: "PHASE[/TASK]",
        destructive: true,
        summary: "Shows a hidden board to everybody.",
        details: "It cannot be taken back: what was seen stays seen.",
        examples: &["/publish test", "/publish test/segmentation"],
        parse: |args| Ok(Command::Publish(args.scope()?)),
        ..PLAIN
    },
    Row {
        verb: Verb::Rerun,
        name: "rerun",
        takes: "#12",
        summary: "Evaluates a submission again, at no cost to the team.",
        details: "The image that was built is run again. The new result takes the place of the old one.",
        examples: &["/rerun #12", "/rerun 12"],
        parse: |args| Ok(Command::Rerun(args.submission()?)),
        ..PLAIN
    },
    Row {
        verb: Verb::Cancel,
        name: "cancel",
        takes: "#12",
        destructive: true,
        summary: "Ends what is under way of a submission and gives the quota back.",
        details: "A submission that has its result is not changed; see `/withdraw`.",
        examples: &["/cancel #12"],
        parse: |args| Ok(Command::Cancel(args.submission()?)),
        ..PLAIN
    },
    Row {
        verb: Verb::Rescore,
        name: "rescore",
        takes: "PHASE/TASK",
        summary: "Scores all predictions of a board again and shows what would change.",
        details: "For a metric or truth that was corrected. The board changes only after `/apply`.",
        examples: &["/rescore validation/segmentation"],
        parse: |args| {
            let (phase, task) = args.board()?;
            Ok(Command::Rescore { phase, task })
        },
        ..PLAIN
    },
    Row {
        verb: Verb::Apply,
        name: "apply",
        takes: "[NUMBER]",
        destructive: true,
        summary: "Lets a rescore count: the board shows the new scores.",
        details: "Name the number of the rescore when more than one is open.",
        examples: &["/apply", "/apply 3"],
        parse: |args| Ok(Command::Apply(args.number()?)),
        ..PLAIN
    },
    Row {
        verb: Verb::Discard,
        name: "discard",
        takes: "[NUMBER]",
        summary: "Drops a rescore: the board stays as it is.",
        details: "Name the number of the rescore when more than one is open.",
        examples: &["/discard", "/discard 3"],
        parse: |args| Ok(Command::Discard(args.number()?)),
        ..PLAIN
    },
    Row {
        verb: Verb::Disqualify,
        name: "disqualify",
        takes: "team NAME reason=\"…\"",
        keys: &["reason"],
        destructive: true,
        summary: "Takes a team off every board; its pushes are refused.",
        details: "The reason is told to the team. `/reinstate` undoes it.",
        examples: &["/disqualify team alpha reason=\"labels of the test set in the image\""],
        parse: |args| {
            let team = args.team()?;
            let reason = args.reason()?;
            Ok(Command::Disqualify { team, reason })
        },
        ..PLAIN
    },
    Row {
        verb: Verb::Reinstate,
        name: "reinstate",
        takes: "team NAME",
        summary: "Undoes a disqualification.",
        details: "The team and its submissions are back on the boards.",
        examples: &["/reinstate team alpha"],
        parse: |args| Ok(Command::Reinstate(args.team()?)),
        ..PLAIN
    },
    Row {
        verb: Verb::Grant,
        name: "grant",
        takes: "team NAME 2 PHASE[/TASK]",
        destructive: true,
        summary: "Gives a team more evaluations.",
        details: "On top of the quota of the phase. Granting twice gives twice as many.",
        examples: &[
            "/grant team alpha 2 validation",
            "/grant team alpha 1 test/segmentation",
        ],
        parse: |args| {
            Ok(Command::Grant {
                team: args.team()?,
                evaluations: args.evaluations()?,
                scope: args.scope()?,
            })
        },
        ..PLAIN
    },
    Row {
        verb: Verb::TeamAdd,
        name: "team add",
        takes: "NAME USER…",
        summary: "Makes a team with its repository and these members.",
        details: "Members are accounts of the forge, with or without `@`.",
        examples: &["/team add alpha ada grace", "/team add alpha @ada"],
        parse: |args| {
            let team = args.team_name()?;
            let members = args.members()?;
            Ok(Command::TeamAdd { team, members })
        },
        ..PLAIN
    },
    Row {
        verb: Verb::TeamApprove,
        name: "team approve",
        takes: "NAME",
        summary: "Lets in a team whose repository was found and waits.",
        details: "Its earlier pushes are entered, too.",
        examples: &["/team approve alpha"],
        parse: |args| Ok(Command::TeamApprove(args.team_name()?)),
        ..PLAIN
    },
    Row {
        verb: Verb::TeamList,
        name: "team list",
        summary: "Lists all teams, and those that wait to be let in.",
        details: "With their repositories and the number of their submissions.",
        examples: &["/team list"],
        parse: |_| Ok(Command::TeamList),
        ..PLAIN
    },
    Row {
        verb: Verb::Announce,
        name: "announce",
        takes: "TEXT…",
        destructive: true,
        summary: "Tells all teams something, in an issue of each team's repository.",
        details: "The text is the rest of the line, as Markdown; what stands on the next lines is not sent.",
        examples: &["/announce The test phase opens on **Monday**."],
        parse: |args| Ok(Command::Announce(args.text()?)),
        ..PLAIN
    },
    Row {
        verb: Verb::Export,
        name: "export",
        takes: "PHASE[/TASK]",
        summary: "Makes an archive of everything that a board was made from.",
        details: "Submissions, results, revisions and the ledger; the reply says where it lies.",
        examples: &["/export validation", "/export validation/segmentation"],
        parse: |args| Ok(Command::Export(args.scope()?)),
        ..PLAIN
    },
];
