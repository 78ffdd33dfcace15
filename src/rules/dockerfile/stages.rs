//! The stages of a Dockerfile and their bases: DF010, DF011, DF012, DF021.

use super::ast::{Base, Instruction};
use super::grammar::Flag;
use super::lines::Line;
use super::report::Report;
use crate::model::{Finding, suggest};
use crate::rules::catalogue::{DF004, DF005, DF010, DF011, DF012, DF021};
use crate::rules::policy::Policy;

#[derive(Debug, Default)]
pub(super) struct Stages {
    /// The names of the stages so far, in lower case.
    names: Vec<Option<String>>,
}

/// A FROM as written.
pub(super) struct RawFrom {
    pub(super) flags: Vec<Flag>,
    pub(super) image: String,
    pub(super) name: Option<String>,
}

/// Base images in one message.
const BASES_MAX: usize = 12;

impl Stages {
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Begins a stage, also if FROM has errors.
    pub(super) fn begin(
        &mut self,
        line: &Line,
        from: RawFrom,
        policy: &Policy,
        report: &mut Report<'_>,
    ) -> Instruction {
        let platform = policy.platform();
        for flag in &from.flags {
            let finding = match (flag.name.as_str(), flag.value.as_deref()) {
                ("platform", Some(value)) if value == platform => continue,
                ("platform", _) => DF012.finding(format!("`{flag}`: Referee builds images only for {platform}")),
                _ => DF004.finding_with(format!("Unknown flag `{flag}` of FROM"), "Delete it."),
            };
            report.at(line.number, finding);
        }
        let base = self.base(&from.image, policy).unwrap_or_else(|finding| {
            report.at(line.number, *finding);
            Base::Image(from.image.clone())
        });
        let name = from.name.map(|name| name.to_ascii_lowercase());
        if let Some(finding) = name.as_deref().and_then(|name| self.wrong_name(name)) {
            report.at(line.number, finding);
        }
        self.names.push(name.clone());
        Instruction::From { base, name }
    }

    fn base(&self, image: &str, policy: &Policy) -> Result<Base, Box<Finding>> {
        if image.contains('$') {
            return Err(Box::new(DF011.finding(format!("FROM uses a variable: `{image}`"))));
        }
        if let Some(index) = self.named(image) {
            return Ok(Base::Stage(index));
        }
        if policy.bases.iter().any(|b| b == image) {
            return Ok(match image {
                "scratch" => Base::Scratch,
                _ => Base::Image(image.to_owned()),
            });
        }
        let message = format!("Base image `{image}` is not on the list of base images");
        Err(Box::new(DF010.finding_with(message, base_image_help(image, policy))))
    }

    fn named(&self, name: &str) -> Option<usize> {
        let name = name.to_ascii_lowercase();
        self.names.iter().position(|n| n.as_deref() == Some(name.as_str()))
    }

    fn wrong_name(&self, name: &str) -> Option<Finding> {
        let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.'));
        if !plain || matches!(name, "scratch" | "context") {
            return Some(DF005.finding_with(
                format!("`{name}` cannot be the name of a stage"),
                "Use letters, digits, `-`, `_` and `.`, starting with a letter. `scratch` and `context` are reserved.",
            ));
        }
        self.named(name).is_some().then(|| {
            DF005.finding_with(
                format!("A stage with the name `{name}` already exists"),
                "Give each stage a different name.",
            )
        })
    }

    /// The earlier stage that `COPY --from` gives by name or number.
    pub(super) fn source(&self, value: &str) -> Result<usize, Box<Finding>> {
        let current = self.names.len().saturating_sub(1);
        let number = value.parse::<usize>().ok().filter(|n| n.to_string() == value);
        match number.or_else(|| self.named(value)) {
            Some(index) if index < current => Ok(index),
            _ => {
                let known = self.names.iter().take(current).flatten().map(String::as_str);
                let near = suggest::did_you_mean(value, known);
                let message = format!("`--from={value}` does not name an earlier stage");
                Err(Box::new(DF021.finding_with(message, format!("{}{near}", DF021.help))))
            }
        }
    }
}

/// Lists the base images, preceded by the nearest name.
fn base_image_help(image: &str, policy: &Policy) -> String {
    let repository = |name: &str| {
        let last = name.rsplit('/').next().unwrap_or(name);
        last.split([':', '@']).next().unwrap_or(last).to_owned()
    };
    let near = suggest::nearest(image, policy.bases.iter().map(String::as_str))
        .or_else(|| policy.bases.iter().map(String::as_str).find(|b| repository(b) == repository(image)));
    let mut help = match policy.bases.len() {
        0 => "The organizers list no base images. Ask them for one".to_owned(),
        _ => {
            let names: Vec<_> = policy.bases.iter().take(BASES_MAX).map(|b| format!("`{b}`")).collect();
            format!("Use one of {}", names.join(", "))
        }
    };
    if policy.bases.len() > BASES_MAX {
        help.push_str(&format!(" and {} more", policy.bases.len() - BASES_MAX));
    }
    match near {
        Some(name) => format!("Did you mean `{name}`? {help}."),
        None => format!("{help}."),
    }
}
