//! The commands of a RUN, split roughly as a shell would. Good enough to give advice, never to decide.

/// Programs with their arguments, and whether each gets its input from the one before.
pub(super) fn commands(text: &str) -> Vec<Simple> {
    let mut all = vec![Simple::default()];
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
                all.push(Simple {
                    piped,
                    words: Vec::new(),
                });
            }
            (None, c) => word.push(c),
        }
    }
    push(&mut all, &mut word);
    all.retain(|command| !command.words.is_empty());
    all
}

fn push(all: &mut [Simple], word: &mut String) {
    let word = std::mem::take(word);
    if let Some(command) = all.last_mut()
        && !word.is_empty()
    {
        command.words.push(word);
    }
}

/// A program with its arguments.
#[derive(Debug, Default)]
pub(super) struct Simple {
    pub(super) piped: bool,
    words: Vec<String>,
}

impl Simple {
    /// The words from the program on, without leading assignments and `sudo`.
    pub(super) fn words(&self) -> Vec<&str> {
        self.words
            .iter()
            .map(String::as_str)
            .skip_while(|w| *w == "sudo" || (w.contains('=') && !w.starts_with('-')))
            .collect()
    }

    /// The program's name without its directory.
    pub(super) fn program(&self) -> &str {
        let first = self.words().first().copied().unwrap_or_default();
        first.rsplit('/').next().unwrap_or(first)
    }

    /// Whether `sudo` starts it.
    pub(super) fn is_sudo(&self) -> bool {
        self.words.first().is_some_and(|w| w == "sudo")
    }
}
