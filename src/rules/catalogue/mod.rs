//! Every rule for submissions: the page `/rules`, `referee rules`, and the source of each finding's code, severity and
//! help.
//!
//! A finding can only be made from a [`Rule`], so every code has an explanation.

mod dockerfile;
mod run;
mod source;

pub use dockerfile::*;
pub use run::*;
pub use source::*;

use crate::model::{Finding, Severity};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Stable: `DF020`. The letters name the group.
    pub code: &'static str,
    /// The severity unless a challenge sets another one.
    pub severity: Severity,
    /// Whether a challenge may lower the severity. Every challenge may raise it.
    pub overridable: bool,
    /// One line without a full stop.
    pub title: &'static str,
    /// How to fix a violation, in one or two sentences.
    pub help: &'static str,
    /// Why the rule exists.
    pub why: &'static str,
    /// A few lines that violate the rule. Empty if no short example exists.
    pub wrong: &'static str,
    /// The same lines, corrected.
    pub right: &'static str,
}

impl Rule {
    /// A finding with the rule's own help.
    pub fn finding(&self, message: impl Into<String>) -> Finding {
        Finding::new(self.severity, self.code, message, self.help)
    }

    /// A finding with more specific help.
    pub fn finding_with(&self, message: impl Into<String>, help: impl Into<String>) -> Finding {
        Finding::new(self.severity, self.code, message, help)
    }
}

/// In the order of the page.
const GROUPS: [&[Rule]; 3] = [source::RULES, dockerfile::RULES, run::RULES];

pub static RULES: &[Rule] = &{
    let mut all = [GROUPS[0][0]; GROUPS[0].len() + GROUPS[1].len() + GROUPS[2].len()];
    let (mut n, mut group) = (0, 0);
    while group < GROUPS.len() {
        let mut i = 0;
        while i < GROUPS[group].len() {
            all[n] = GROUPS[group][i];
            n += 1;
            i += 1;
        }
        group += 1;
    }
    all
};

/// The rule with this code.
pub fn rule(code: &str) -> Option<&'static Rule> {
    RULES.iter().find(|r| r.code == code)
}

/// Defines rules as constants, and the list of them as `RULES`:
/// `CODE: Severity [, overridable = false], title, help: text, why: text [, wrong: lines, right: lines];`
macro_rules! rules {
    ($($code:ident: $severity:ident $(, overridable = $overridable:literal)?, $title:literal,
        help: $help:literal, why: $why:literal $(, wrong: $wrong:literal, right: $right:literal)?;)*) => {
        $(
            #[doc = $title]
            pub const $code: $crate::rules::catalogue::Rule = $crate::rules::catalogue::Rule {
                code: stringify!($code),
                severity: $crate::model::Severity::$severity,
                overridable: true $(&& $overridable)?,
                title: $title,
                help: $help,
                why: $why,
                wrong: concat!($($wrong)?),
                right: concat!($($right)?),
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
    fn every_code_occurs_once_and_has_an_explanation() {
        let mut codes: Vec<_> = RULES.iter().map(|r| r.code).collect();
        codes.sort_unstable();
        let all = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), all, "a code occurs twice");
        for r in RULES {
            assert_eq!(rule(r.code), Some(r));
            assert!(r.code.len() >= 5 && r.code.is_ascii(), "{}", r.code);
            for text in [r.title, r.help, r.why] {
                assert!(text.len() > 8, "{}: {text}", r.code);
                assert!(!text.contains('\n'), "{}: {text}", r.code);
                assert!(!text.contains("  "), "{}: {text}", r.code);
            }
            assert!(!r.title.ends_with('.'), "{}: {}", r.code, r.title);
            for text in [r.help, r.why] {
                assert!(text.ends_with('.'), "{}: {text}", r.code);
            }
            assert_eq!(r.wrong.is_empty(), r.right.is_empty(), "{}", r.code);
        }
    }

    #[test]
    fn catalogue() {
        let explained = RULES.iter().map(|r| {
            let fixed = if r.overridable { "" } else { ", not overridable" };
            let head = format!("{} ({}{fixed}): {}", r.code, r.severity, r.title);
            format!("{head}\n  help: {}\n  why: {}\n", r.help, r.why)
        });
        insta::assert_snapshot!(explained.collect::<Vec<_>>().join("\n"));
    }
}
