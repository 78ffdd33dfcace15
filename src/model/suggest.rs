//! "Did you mean": the nearest of some known names. Never guesses when nothing is near.

/// The known name that a mistyped one most probably stands for.
///
/// Case is ignored. A third of the letters may be wrong, at most three, and not all of them.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed: Vec<char> = typed
        .chars()
        .take(CHARS_MAX)
        .flat_map(char::to_lowercase)
        .collect();
    let allowed = (typed.len().div_ceil(3)).min(3);
    known
        .into_iter()
        .map(|name| {
            let letters: Vec<char> = name
                .chars()
                .take(CHARS_MAX)
                .flat_map(char::to_lowercase)
                .collect();
            (distance(&typed, &letters), name)
        })
        .filter(|(d, name)| *d <= allowed && *d < name.chars().count())
        .min_by_key(|(d, _)| *d)
        .map(|(_, name)| name)
}

/// ` Did you mean `x`?`, or nothing: for the end of a sentence.
pub fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(typed, known).map_or_else(String::new, |name| format!(" Did you mean `{name}`?"))
}

/// Longer names are compared by their beginning: the cost is the product of the lengths.
const CHARS_MAX: usize = 100;

/// Letters to insert, delete, replace or swap with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (above[j] + usize::from(x != y))
                .min(above[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["segmentation", "phase-recognition", "Dockerfile"];
        for (typed, meant) in [
            ("segmentaton", Some("segmentation")),
            ("SEGMENTATION", Some("segmentation")),
            ("segmnetation", Some("segmentation")),
            ("dockerfile", Some("Dockerfile")),
            ("classification", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, known), meant, "{typed}");
        }
        assert_eq!(nearest("a", ["b"]), None);
        assert_eq!(did_you_mean("RUNN", ["RUN", "ARG"]), " Did you mean `RUN`?");
    }
}
