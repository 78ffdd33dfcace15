//! Splits the commands of a RUN roughly as a shell does. The result is good enough for advice, but not for decisions.

/// The simple commands of a command line.
pub(super) fn commands(text: &str) -> Vec<SimpleCommand> {
    let mut all = vec![SimpleCommand::default()];
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (Some(_), c) => word.push(c),
            (None, '"' | '\'') => quote = Some(c),
            (None, ' ' | '\t') => push(&mut all, &mut word),
            (None, ';' | '&' | '|' | '(' | ')') => {
                push(&mut all, &mut word);
                let piped = c == '|' && chars.peek() != Some(&'|');
                if chars.peek() == Some(&c) {
                    chars.next();
                }
                all.push(SimpleCommand { piped, words: Vec::new() });
            }
            (None, c) => word.push(c),
        }
    }
    push(&mut all, &mut word);
    all.retain(|command| !command.words.is_empty());
    all
}

fn push(all: &mut [SimpleCommand], word: &mut String) {
    let word = std::mem::take(word);
    if let Some(command) = all.last_mut()
        && !word.is_empty()
    {
        command.words.push(word);
    }
}

/// A program with its arguments.
#[derive(Debug, Default)]
pub(super) struct SimpleCommand {
    /// Whether the command reads the output of the command before it.
    pub(super) piped: bool,
    words: Vec<String>,
}

impl SimpleCommand {
    /// The program and its arguments, without leading assignments and `sudo`.
    pub(super) fn words(&self) -> Vec<&str> {
        self.words
            .iter()
            .map(String::as_str)
            .skip_while(|w| *w == "sudo" || (w.contains('=') && !w.starts_with('-')))
            .collect()
    }

    /// The name of the program without its directory.
    pub(super) fn program(&self) -> &str {
        let first = self.words().first().copied().unwrap_or_default();
        first.rsplit('/').next().unwrap_or(first)
    }

    pub(super) fn is_sudo(&self) -> bool {
        self.words.first().is_some_and(|w| w == "sudo")
    }
}
