//! A Dockerfile as we understand it: only instructions that the rules allow, and nothing unread.

/// A checked Dockerfile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dockerfile {
    /// What is built, in order.
    pub steps: Vec<Step>,
}

/// One instruction, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Line of the participant's file, counted from 1.
    pub line: u32,
    /// What it does.
    pub instruction: Instruction,
}

/// What a step does. Texts hold no newline and do not end in a backslash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instruction {
    /// Begins a stage.
    From {
        /// What it starts from.
        base: Base,
        /// Its name, in lower case.
        name: Option<String>,
    },
    /// `NAME=value` pairs as written.
    Arg(String),
    /// `NAME=value` pairs as written.
    Env(String),
    /// `name=value` pairs as written.
    Label(String),
    /// Copies files into the image.
    Copy {
        /// The stage that they come from, counted from 0; the repository if none.
        from: Option<usize>,
        /// Owner, as written.
        chown: Option<String>,
        /// At least one.
        sources: Vec<String>,
        /// Where to.
        target: String,
    },
    /// Runs a command while building.
    Run(Command),
    /// The command, or the arguments of the entrypoint.
    Cmd(Command),
    /// What a container starts.
    Entrypoint(Command),
    /// The shell of the string forms that follow.
    Shell(Vec<String>),
    /// The user of the steps that follow.
    User(String),
    /// The directory of the steps that follow.
    Workdir(String),
}

/// What a stage starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// Nothing.
    Scratch,
    /// An earlier stage, counted from 0.
    Stage(usize),
    /// A name of the policy's list.
    Image(String),
}

/// A command in one of its two forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `["program", "argument"]`: run as it is.
    Exec(Vec<String>),
    /// Given to the shell.
    Shell(String),
}

impl Dockerfile {
    /// The line that the engine's `Step n/m` came from, steps counted from 1.
    pub fn line_of_step(&self, step: u32) -> Option<u32> {
        let index = usize::try_from(step.checked_sub(1)?).ok()?;
        self.steps.get(index).map(|s| s.line)
    }

    /// The names of base images, each once, in order: what [`super::emit()`] needs resolved.
    pub fn bases(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for step in &self.steps {
            if let Instruction::From {
                base: Base::Image(name),
                ..
            } = &step.instruction
                && !names.contains(&name.as_str())
            {
                names.push(name);
            }
        }
        names
    }

    /// The base image that the final image descends from; none when that is `scratch`.
    pub fn final_base(&self) -> Option<&str> {
        let mut bases = Vec::new();
        for step in &self.steps {
            if let Instruction::From { base, .. } = &step.instruction {
                bases.push(match base {
                    Base::Scratch => None,
                    Base::Image(name) => Some(name.as_str()),
                    Base::Stage(index) => bases.get(*index).copied().flatten(),
                });
            }
        }
        bases.last().copied().flatten()
    }

    /// The steps that the final image is made of, first to last: the last stage, and before it the
    /// stages that it starts from.
    pub fn final_steps(&self) -> Vec<&Step> {
        let starts: Vec<usize> = (0..self.steps.len())
            .filter(|&i| matches!(self.steps[i].instruction, Instruction::From { .. }))
            .collect();
        let mut parts = Vec::new();
        let mut stage = starts.len().checked_sub(1);
        while let Some(index) = stage {
            let end = starts.get(index + 1).copied().unwrap_or(self.steps.len());
            let part = &self.steps[starts[index]..end];
            parts.push(part);
            stage = match &part[0].instruction {
                Instruction::From {
                    base: Base::Stage(earlier),
                    ..
                } if *earlier < index => Some(*earlier),
                _ => None,
            };
        }
        parts.into_iter().rev().flatten().collect()
    }
}
