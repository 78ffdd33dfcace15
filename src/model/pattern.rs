//! Patterns of paths, within an output or within the inputs.
//!
//! They look at text alone: whether anything is there is asked elsewhere.

use super::ids::CaseId;

/// A pattern of paths (relative, `/`-separated): `{case}` stands for the case, `*` for any characters
/// within one component. In a contract it demands at least one regular file per case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern(pub String);

impl PathPattern {
    /// The pattern for one case.
    pub fn for_case(&self, case: &CaseId) -> String {
        self.0.replace("{case}", case.as_str())
    }

    /// Whether it differs from case to case.
    pub fn names_case(&self) -> bool {
        self.0.contains("{case}")
    }

    /// How many stars it has.
    pub fn stars(&self) -> usize {
        self.0.matches('*').count()
    }

    /// Whether a path is one of this case.
    pub fn matches(&self, case: &CaseId, path: &str) -> bool {
        let pattern = self.for_case(case);
        let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return true,
                (Some(w), Some(g)) if wildcard(w.as_bytes(), g.as_bytes()) => {}
                _ => return false,
            }
        }
    }

    /// What the stars stand for in a path of this case, each as short as it can be but the last of a
    /// component; `None` where the path is none of it.
    pub fn captures<'a>(&self, case: &CaseId, path: &'a str) -> Option<Vec<&'a str>> {
        let pattern = self.for_case(case);
        let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
        let mut stars = Vec::new();
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return Some(stars),
                (Some(w), Some(g)) => component(w, g, &mut stars)?,
                _ => return None,
            }
        }
    }

    /// The path of this case with the stars filled in, which a pattern without stars ignores. `None`
    /// where they are not as many, or make a component that leads out of the directory.
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

/// Matches one component and keeps what its stars stand for.
fn component<'a>(pattern: &str, text: &'a str, stars: &mut Vec<&'a str>) -> Option<()> {
    let Some((head, rest)) = pattern.split_once('*') else {
        return (pattern == text).then_some(());
    };
    let mut text = text.strip_prefix(head)?;
    let mut literals: Vec<&str> = rest.split('*').collect();
    let last = literals.pop().unwrap_or_default();
    for literal in literals {
        let at = text.find(literal)?;
        stars.push(&text[..at]);
        text = &text[at + literal.len()..];
    }
    stars.push(text.strip_suffix(last)?);
    Some(())
}

/// Matches `*` against any run of bytes. Linear in `text` times the number of stars.
pub(super) fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star, mut mark) = (0, 0, None, 0);
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some(p);
            mark = t;
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            p += 1;
            t += 1;
        } else if let Some(s) = star {
            p = s + 1;
            mark += 1;
            t = mark;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn video() -> CaseId {
        CaseId::new("Video_01").unwrap()
    }

    #[test]
    fn paths_match_within_a_component() {
        let masks = PathPattern("{case}/{case}_Masks/*/frame_*.png".into());
        let case = video();
        assert!(masks.matches(&case, "Video_01/Video_01_Masks/0/frame_000025.png"));
        assert!(!masks.matches(&case, "Video_01/Video_01_Masks/frame_000025.png"));
        assert!(!masks.matches(&case, "Video_02/Video_02_Masks/0/frame_000025.png"));
        assert!(wildcard(b"a*b*c", b"axxbyybzc"));
        assert!(!wildcard(b"a*b", b"axxc"));
    }

    #[test]
    fn what_the_stars_of_one_path_stand_for_makes_the_other() {
        let (case, frames) = (video(), PathPattern("{case}/Frames/*/frame_*.png".into()));
        let masks = PathPattern("{case}/{case}_Masks/*/frame_*.png".into());
        let path = "Video_01/Frames/1000/frame_001025.png";
        let stars = frames.captures(&case, path).unwrap();
        assert_eq!(stars, ["1000", "001025"]);
        assert_eq!(
            masks.filled(&case, &stars).as_deref(),
            Some("Video_01/Video_01_Masks/1000/frame_001025.png")
        );
        assert_eq!(frames.captures(&case, "Video_01/Frames/frame_1.png"), None);
        assert_eq!(masks.filled(&case, &["1"]), None);
        let one = PathPattern("{case}.png".into());
        assert_eq!(one.filled(&case, &["x"]).as_deref(), Some("Video_01.png"));
    }

    #[test]
    fn filled_paths_stay_where_they_are() {
        let (case, outputs) = (video(), PathPattern("x*.png".into()));
        let stars = outputs.captures(&case, "x...png").unwrap();
        assert_eq!(stars, [".."]);
        let inputs = PathPattern("*/a.png".into());
        assert_eq!(inputs.filled(&case, &stars), None);
        assert_eq!(inputs.filled(&case, &[""]), None);
    }

    proptest! {
        #[test]
        fn captures_are_matches(pattern in "[ab*/]{0,8}", path in "[ab/]{0,8}") {
            let (case, pattern) = (video(), PathPattern(pattern));
            let stars = pattern.captures(&case, &path);
            prop_assert_eq!(stars.is_some(), pattern.matches(&case, &path));
            let back = stars.and_then(|stars| pattern.filled(&case, &stars));
            prop_assert!(back.is_none_or(|back| back == path));
        }
    }
}
