//! Path patterns with stars, for outputs and inputs. They compare text only and read no disk.
//!
//! A star matches any characters within one component of a path. Stars are the only wildcard, so one pass that takes
//! the first occurrence of each literal finds a match if there is one, and also the text under each star. Docker's
//! wildcards need more; see `crate::rules::layout`.

use super::ids::CaseId;

/// A relative, `/`-separated path in which `{case}` stands for the case and `*` for any characters of one component.
/// In a contract, each pattern requires at least one regular file per case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern(pub String);

impl PathPattern {
    /// The pattern with the case filled in.
    pub fn for_case(&self, case: &CaseId) -> String {
        self.0.replace("{case}", case.as_str())
    }

    pub fn names_case(&self) -> bool {
        self.0.contains("{case}")
    }

    /// The number of stars.
    pub fn stars(&self) -> usize {
        self.0.matches('*').count()
    }

    /// Whether the path matches for this case.
    pub fn matches(&self, case: &CaseId, path: &str) -> bool {
        self.captures(case, path).is_some()
    }

    /// The text under each star if the path matches for this case. Each text is as short as possible, except that
    /// the last star of a component takes the rest.
    pub fn captures<'a>(&self, case: &CaseId, path: &'a str) -> Option<Vec<&'a str>> {
        let pattern = self.for_case(case);
        let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
        let mut stars = Vec::new();
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return Some(stars),
                (Some(w), Some(g)) => stars.extend(star_captures(w, g)?),
                _ => return None,
            }
        }
    }

    /// The path for this case with the stars filled in. A pattern without stars ignores them.
    ///
    /// `None` if the number of stars differs, or if a component would be empty, `.` or `..`.
    pub fn filled(&self, case: &CaseId, stars: &[&str]) -> Option<String> {
        let pattern = self.for_case(case);
        let mut pieces = pattern.split('*');
        let mut path = pieces.next().unwrap_or_default().to_owned();
        let pieces: Vec<&str> = pieces.collect();
        if !pieces.is_empty() && pieces.len() != stars.len() {
            return None;
        }
        for (star, piece) in stars.iter().zip(&pieces) {
            path.push_str(star);
            path.push_str(piece);
        }
        let plain = |part: &str| !matches!(part, "" | "." | "..");
        path.split('/').all(plain).then_some(path)
    }
}

impl std::fmt::Display for PathPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text under each star of the pattern, which matches any characters; `None` if the text does not match.
pub(super) fn star_captures<'a>(pattern: &str, mut text: &'a str) -> Option<Vec<&'a str>> {
    let Some((start, rest)) = pattern.split_once('*') else {
        return (pattern == text).then(Vec::new);
    };
    text = text.strip_prefix(start)?;
    let mut stars = Vec::new();
    let mut literals: Vec<&str> = rest.split('*').collect();
    let end = literals.pop().unwrap_or_default();
    for literal in literals {
        let (star, behind) = text.split_once(literal)?;
        stars.push(star);
        text = behind;
    }
    stars.push(text.strip_suffix(end)?);
    Some(stars)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn video() -> CaseId {
        CaseId::new("Video_01").unwrap()
    }

    #[test]
    fn stars_match_within_a_component() {
        let masks = PathPattern("{case}/{case}_Masks/*/frame_*.png".into());
        let case = video();
        assert!(masks.matches(&case, "Video_01/Video_01_Masks/0/frame_000025.png"));
        assert!(!masks.matches(&case, "Video_01/Video_01_Masks/frame_000025.png"));
        assert!(!masks.matches(&case, "Video_02/Video_02_Masks/0/frame_000025.png"));
        assert_eq!(star_captures("a*b*c", "axxbyybzc"), Some(vec!["xx", "yybz"]));
        assert_eq!(star_captures("a*b", "axxc"), None);
        assert_eq!(star_captures("*", ""), Some(vec![""]));
    }

    #[test]
    fn the_stars_of_one_path_fill_in_another_pattern() {
        let (case, frames) = (video(), PathPattern("{case}/Frames/*/frame_*.png".into()));
        let masks = PathPattern("{case}/{case}_Masks/*/frame_*.png".into());
        let path = "Video_01/Frames/1000/frame_001025.png";
        let stars = frames.captures(&case, path).unwrap();
        assert_eq!(stars, ["1000", "001025"]);
        assert_eq!(masks.filled(&case, &stars).as_deref(), Some("Video_01/Video_01_Masks/1000/frame_001025.png"));
        assert_eq!(frames.captures(&case, "Video_01/Frames/frame_1.png"), None);
        assert_eq!(masks.filled(&case, &["1"]), None);
        let one = PathPattern("{case}.png".into());
        assert_eq!(one.filled(&case, &["x"]).as_deref(), Some("Video_01.png"));
    }

    #[test]
    fn filled_paths_stay_in_their_directory() {
        let (case, outputs) = (video(), PathPattern("x*.png".into()));
        let stars = outputs.captures(&case, "x...png").unwrap();
        assert_eq!(stars, [".."]);
        let inputs = PathPattern("*/a.png".into());
        assert_eq!(inputs.filled(&case, &stars), None);
        assert_eq!(inputs.filled(&case, &[""]), None);
    }

    /// The definition: a star can match every prefix of the rest.
    fn matches_by_definition(pattern: &str, text: &str) -> bool {
        match pattern.split_at_checked(1) {
            None => text.is_empty(),
            Some(("*", rest)) => (0..=text.len()).any(|n| matches_by_definition(rest, &text[n..])),
            Some((letter, rest)) => text.strip_prefix(letter).is_some_and(|text| matches_by_definition(rest, text)),
        }
    }

    proptest! {
        #[test]
        fn one_pass_finds_every_match(pattern in "[ab*]{0,8}", text in "[ab]{0,8}") {
            let found = star_captures(&pattern, &text).is_some();
            prop_assert_eq!(found, matches_by_definition(&pattern, &text));
        }

        #[test]
        fn captures_fill_in_the_path_that_they_came_from(pattern in "[ab*/]{0,8}", path in "[ab/]{0,8}") {
            let (case, pattern) = (video(), PathPattern(pattern));
            let stars = pattern.captures(&case, &path);
            let back = stars.and_then(|stars| pattern.filled(&case, &stars));
            prop_assert!(back.is_none_or(|back| back == path));
        }
    }
}
