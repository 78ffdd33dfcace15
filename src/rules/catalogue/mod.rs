//! Every rule that a participant can meet: the page `/rules`, `referee rules`, and the only place
//! where findings get their code, weight and remedy from.
//!
//! A finding can only be made from a [`Rule`], so that no code exists without its explanation.

mod dockerfile;
mod run;
mod source;

pub use dockerfile::*;
pub use run::*;
pub use source::*;

use crate::model::{Finding, Severity};

/// One rule, explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Stable: `DF020`.
    pub code: &'static str,
    /// What it weighs unless the organizers of a challenge say otherwise.
    pub severity: Severity,
    /// Whether no challenge can make it weigh less.
    pub firm: bool,
    /// One line.
    pub title: &'static str,
    /// What to do, in one or two sentences.
    pub help: &'static str,
    /// Why the rule exists.
    pub why: &'static str,
    /// What breaks it; empty where no few lines could show it.
    pub bad: &'static str,
    /// The same, right.
    pub good: &'static str,
}

impl Rule {
    /// A finding with the rule's own remedy.
    pub fn finding(&self, message: impl Into<String>) -> Finding {
        Finding::new(self.severity, self.code, message, self.help)
    }

    /// A finding with a remedy that fits the case better than the rule's own.
    pub fn finding_with(&self, message: impl Into<String>, help: impl Into<String>) -> Finding {
        Finding::new(self.severity, self.code, message, help)
    }
}

/// The parts of the catalogue, in the order of the pages.
const PARTS: [&[Rule]; 3] = [source::RULES, dockerfile::RULES, run::RULES];

/// All rules.
pub static RULES: &[Rule] = &{
    let mut all = [PARTS[0][0]; PARTS[0].len() + PARTS[1].len() + PARTS[2].len()];
    let (mut n, mut part) = (0, 0);
    while part < PARTS.len() {
        let mut i = 0;
        while i < PARTS[part].len() {
            all[n] = PARTS[part][i];
            n += 1;
            i += 1;
        }
        part += 1;
    }
    all
};

/// The rule with this code.
pub fn rule(code: &str) -> Option<&'static Rule> {
    RULES.iter().find(|r| r.code == code)
}

/// Writes rules down as constants, and all of them as `RULES`:
/// `CODE: severity [firm], title, help, why [, bad, good];`
macro_rules! rules {
    ($($code:ident: $severity:ident $($firm:ident)?, $title:literal,
        $help:literal, $why:literal $(, $bad:literal, $good:literal)?;)*) => {
        $(
            #[doc = $title]
            pub const $code: $crate::rules::catalogue::Rule = $crate::rules::catalogue::Rule {
                code: stringify!($code),
                severity: $crate::model::Severity::$severity,
                firm: !concat!($(stringify!($firm))?).is_empty(),
                title: $title,
                help: $help,
                why: $why,
                bad: concat!($($bad)?),
                good: concat!($($good)?),
            };
        )*
        pub(super) const RULES: &[$crate::rules::catalogue::Rule] = &[$($code),*];
    };
}
use rules;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_there_once_and_explained() {
        let mut codes: Vec<_> = RULES.iter().map(|r| r.code).collect();
        codes.sort_unstable();
        let all = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), all, "a code twice");
        for r in RULES {
            assert_eq!(rule(r.code), Some(r));
            assert!(r.code.len() >= 5 && r.code.is_ascii(), "{}", r.code);
            for text in [r.title, r.help, r.why] {
                assert!(text.len() > 8, "{}: {text}", r.code);
                assert!(!text.contains('\n'), "{}: {text}", r.code);
            }
            assert!(
                !r.title.ends_with('.'),
                "{}: a title is no sentence",
                r.code
            );
            for text in [r.help, r.why] {
                assert!(text.ends_with('.'), "{}: {text}", r.code);
            }
            assert_eq!(r.bad.is_empty(), r.good.is_empty(), "{}", r.code);
        }
    }
}
