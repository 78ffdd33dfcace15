//! Reads one logical line as one instruction, with `parse-dockerfile`: DF004 and DF005.
//!
//! Refuses unknown instructions, and lines that versions of Docker read differently. The module `instructions` decides
//! whether an instruction is allowed.

use parse_dockerfile as parser;

use super::ast::Command;
use super::lines::{BLANKS, Line};
use super::report::Report;
use crate::model::suggest;
use crate::rules::catalogue::{DF004, DF005};

/// Characters of an unknown instruction that a message repeats.
const KEYWORD_CHARS_MAX: usize = 40;

/// An instruction as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RawInstruction {
    From {
        flags: Vec<Flag>,
        image: String,
        name: Option<String>,
    },
    Copy {
        flags: Vec<Flag>,
        sources: Vec<String>,
        target: String,
    },
    Run {
        flags: Vec<Flag>,
        command: Command,
    },
    Cmd(Command),
    Entrypoint(Command),
    Shell(Vec<String>),
    Arg(String),
    Env(String),
    Label(String),
    User(String),
    Workdir(String),
    /// ADD, VOLUME, EXPOSE and other known instructions that Referee never builds.
    NotBuilt,
}

/// `--name=value`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flag {
    pub(super) name: String,
    pub(super) value: Option<String>,
}

impl std::fmt::Display for Flag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "--{}", self.name)?;
        self.value.as_ref().map_or(Ok(()), |value| write!(f, "={value}"))
    }
}

/// The known instructions, each with its usage.
const GRAMMAR: [(&str, &str); 18] = [
    ("ADD", "ADD <source> <target>"),
    ("ARG", "ARG <name>=<default>"),
    ("CMD", "CMD [\"program\", \"argument\"]"),
    ("COPY", "COPY <source> … <target>"),
    ("ENTRYPOINT", "ENTRYPOINT [\"program\", \"argument\"]"),
    ("ENV", "ENV <name>=<value>"),
    ("EXPOSE", "EXPOSE <port>"),
    ("FROM", "FROM <base> AS <name>"),
    ("HEALTHCHECK", "HEALTHCHECK NONE"),
    ("LABEL", "LABEL <name>=<value>"),
    ("MAINTAINER", "MAINTAINER <name>"),
    ("ONBUILD", "ONBUILD <instruction>"),
    ("RUN", "RUN <command>"),
    ("SHELL", "SHELL [\"/bin/bash\", \"-c\"]"),
    ("STOPSIGNAL", "STOPSIGNAL <signal>"),
    ("USER", "USER 65534"),
    ("VOLUME", "VOLUME <path>"),
    ("WORKDIR", "WORKDIR /app"),
];

/// Reads an instruction, or reports why it cannot be read.
pub(super) fn read_instruction(line: &Line, report: &mut Report<'_>) -> Option<RawInstruction> {
    let keyword = line.keyword();
    let Some((_, usage)) = GRAMMAR.iter().find(|(name, _)| *name == keyword) else {
        report_unknown(line, report);
        return None;
    };
    let (rule, message) = match keyword.as_str() {
        "ADD" | "EXPOSE" | "HEALTHCHECK" | "MAINTAINER" | "ONBUILD" | "STOPSIGNAL" | "VOLUME" => {
            return Some(RawInstruction::NotBuilt);
        }
        name if !matches!(name, "FROM" | "COPY" | "RUN") && line.rest().starts_with("--") => {
            let flag = line.rest().split(BLANKS).next().unwrap_or_default();
            (DF004, format!("{keyword} has no flags: `{flag}`"))
        }
        _ => match (ambiguous_list(line), parse(&line.text)) {
            (Some(message), _) => (DF005, message),
            (None, None) => (DF005, format!("{keyword} cannot be parsed")),
            (None, raw) => return raw,
        },
    };
    let help = format!("Write it as `{usage}`.");
    report.at(line.number, rule.finding_with(message, help));
    None
}

fn report_unknown(line: &Line, report: &mut Report<'_>) {
    if report.has_finding_at(line.number) {
        return;
    }
    let keyword = line.keyword();
    let short: String = keyword.chars().take(KEYWORD_CHARS_MAX).collect();
    let help = match suggest::nearest(&keyword, GRAMMAR.map(|(name, _)| name)) {
        Some(name) => format!("Did you mean `{name}`?"),
        None => "Start every line with an instruction. To continue the line above here, end it with `\\`.".to_owned(),
    };
    let message = format!("Unknown instruction `{short}`");
    report.at(line.number, DF004.finding_with(message, help));
}

/// Reports a list that some parsers read as a list and others as a command.
fn ambiguous_list(line: &Line) -> Option<String> {
    let keyword = line.keyword();
    let arguments = match keyword.as_str() {
        "RUN" | "COPY" => after_flags(line.rest()),
        "CMD" | "ENTRYPOINT" | "SHELL" => line.rest(),
        _ => return None,
    };
    if !arguments.starts_with('[') || serde_json::from_str::<Vec<String>>(arguments).is_ok() {
        return None;
    }
    let tight = arguments.starts_with("[\"") || arguments.starts_with("['");
    let begins_with_json = serde_json::Deserializer::from_str(arguments)
        .into_iter::<serde_json::Value>()
        .next()
        .is_some_and(|value| value.is_ok());
    // A lone surrogate is an error here, but the engine reads it as a replacement character.
    let escapes = arguments.contains("\\u");
    if arguments.starts_with("['") {
        return Some(format!("{keyword} with single quotes is not a list: JSON needs double quotes"));
    }
    let never_a_command = matches!(keyword.as_str(), "CMD" | "ENTRYPOINT" | "SHELL");
    (tight || begins_with_json || escapes || never_a_command)
        .then(|| format!("{keyword} starts with `[` but is not a JSON list of strings"))
}

fn after_flags(mut text: &str) -> &str {
    while text.starts_with("--") {
        text = text.split_once(BLANKS).map_or("", |(_, rest)| rest.trim_start_matches(BLANKS));
    }
    text
}

/// Parses one line alone, so that a mistake does not hide others.
fn parse(text: &str) -> Option<RawInstruction> {
    // An empty list removes the entrypoint of the base image. The parser does not support it.
    if let Some((keyword, rest)) = text.split_once(BLANKS)
        && keyword.eq_ignore_ascii_case("ENTRYPOINT")
        && serde_json::from_str::<[String; 0]>(rest).is_ok()
    {
        return Some(RawInstruction::Entrypoint(Command::Exec(Vec::new())));
    }
    let source = format!("FROM scratch\n{text}");
    let mut instructions = parser::parse_iter(&source).ok()?;
    instructions.next()?.ok()?;
    let instruction = instructions.next()?.ok()?;
    if instructions.next().is_some() {
        return None;
    }
    convert(instruction)
}

fn convert(instruction: parser::Instruction<'_>) -> Option<RawInstruction> {
    use RawInstruction as Raw;
    use parser::Instruction as I;
    Some(match instruction {
        I::From(i) => Raw::From {
            flags: flags(i.options),
            image: i.image.value.into_owned(),
            name: i.as_.map(|(_, name)| name.value.into_owned()),
        },
        I::Copy(i) => Raw::Copy {
            flags: flags(i.options),
            sources: i
                .src
                .into_iter()
                .map(|s| match s {
                    parser::Source::Path(path) => Some(path.value.into_owned()),
                    _ => None,
                })
                .collect::<Option<_>>()?,
            target: i.dest.value.into_owned(),
        },
        I::Run(i) if i.here_docs.is_empty() => Raw::Run { flags: flags(i.options), command: command(i.arguments)? },
        I::Cmd(i) => Raw::Cmd(command(i.arguments)?),
        I::Entrypoint(i) => Raw::Entrypoint(command(i.arguments)?),
        I::Shell(i) => Raw::Shell(i.arguments.into_iter().map(|w| w.value.into_owned()).collect()),
        I::Arg(i) => Raw::Arg(i.arguments.value.into_owned()),
        I::Env(i) => Raw::Env(i.arguments.value.into_owned()),
        I::Label(i) => Raw::Label(i.arguments.value.into_owned()),
        I::User(i) => Raw::User(i.arguments.value.into_owned()),
        I::Workdir(i) => Raw::Workdir(i.arguments.value.into_owned()),
        _ => return None,
    })
}

fn flags<'a>(options: impl IntoIterator<Item = parser::Flag<'a>>) -> Vec<Flag> {
    options
        .into_iter()
        .map(|f| Flag { name: f.name.value.into_owned(), value: f.value.map(|v| v.value.into_owned()) })
        .collect()
}

fn command(command: parser::Command<'_>) -> Option<Command> {
    match command {
        parser::Command::Exec(words) => {
            Some(Command::Exec(words.value.into_iter().map(|w| w.value.into_owned()).collect()))
        }
        parser::Command::Shell(text) if !text.value.is_empty() => Some(Command::Shell(text.value.to_owned())),
        _ => None,
    }
}
