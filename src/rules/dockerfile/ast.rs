//! A checked Dockerfile. It has only instructions that the rules allow.

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dockerfile {
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Line of the participant's file, counted from 1.
    pub line: u32,
    pub instruction: Instruction,
}

/// Texts contain no newline and do not end in a backslash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instruction {
    From {
        base: Base,
        /// The name of the stage, in lower case.
        name: Option<String>,
    },
    /// `NAME=value` pairs as written.
    Arg(String),
    /// `NAME=value` pairs as written.
    Env(String),
    /// `name=value` pairs as written.
    Label(String),
    Copy {
        /// The stage to copy from, counted from 0. `None` for the repository.
        from: Option<usize>,
        /// As written.
        chown: Option<String>,
        /// At least one.
        sources: Vec<String>,
        target: String,
    },
    Run(Command),
    Cmd(Command),
    Entrypoint(Command),
    Shell(Vec<String>),
    User(String),
    Workdir(String),
}

/// The base of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    Scratch,
    /// An earlier stage, counted from 0.
    Stage(usize),
    /// A name from the policy's list.
    Image(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `["program", "argument"]`, started without a shell.
    Exec(Vec<String>),
    /// A command line for the shell.
    Shell(String),
}

impl Dockerfile {
    /// The participant's line for the engine's `Step n/m`. Steps are counted from 1.
    pub fn line_of_step(&self, step: u32) -> Option<u32> {
        let index = usize::try_from(step.checked_sub(1)?).ok()?;
        self.steps.get(index).map(|s| s.line)
    }

    /// The names of the base images, each once, in order. [`super::emit()`] needs an image id for each of them.
    pub fn bases(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for step in &self.steps {
            if let Instruction::From { base: Base::Image(name), .. } = &step.instruction
                && !names.contains(&name.as_str())
            {
                names.push(name);
            }
        }
        names
    }

    /// The base image of the final image. `None` for `scratch`.
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

    /// The steps that build the final image, in order: those of the last stage, preceded by those of the stages that it
    /// is based on.
    pub fn final_steps(&self) -> Vec<&Step> {
        let starts: Vec<usize> =
            (0..self.steps.len()).filter(|&i| matches!(self.steps[i].instruction, Instruction::From { .. })).collect();
        let mut parts = Vec::new();
        let mut stage = starts.len().checked_sub(1);
        while let Some(index) = stage {
            let end = starts.get(index + 1).copied().unwrap_or(self.steps.len());
            let part = &self.steps[starts[index]..end];
            parts.push(part);
            stage = match &part[0].instruction {
                Instruction::From { base: Base::Stage(earlier), .. } if *earlier < index => Some(*earlier),
                _ => None,
            };
        }
        parts.into_iter().rev().flatten().collect()
    }
}
