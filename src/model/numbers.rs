//! Mean and median that do not depend on the order of the values, and rounding to decimals.
//!
//! A plain floating-point sum depends on it: the 120 permutations of .8, .85, .9, .95, 1 give several different means,
//! so a leaderboard would rank equal teams apart. Here the sum is exact and is rounded once. Callers fill in or leave
//! out missing values before.

/// The arithmetic mean: the exact sum over `n`, rounded once. `None` for no values.
///
/// This follows R's `mean`, which sums in extended precision and corrects the quotient with the residual.
/// Values must be finite. The mean of finite values is finite.
pub fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    // Scaling by a power of two is exact. It keeps the sum of very large numbers representable.
    let scale = if values.iter().any(|v| v.abs() > 1e200) { 2f64.powi(-128) } else { 1.0 };
    let mut sum = ExactSum::default();
    values.iter().for_each(|v| sum.add(v * scale));
    let high = sum.rounded();
    sum.add(-high);
    let low = sum.rounded();
    let quotient = high / n;
    // The fused product gives the remainder of the division exactly.
    let remainder = (-quotient).mul_add(n, high) + low;
    Some((quotient + remainder / n) / scale)
}

/// The median: the middle value, or the mean of the two middle values. `None` for no values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match (sorted.len(), sorted.len() % 2) {
        (0, _) => None,
        (_, 0) => mean(&sorted[half - 1..=half]),
        _ => Some(sorted[half]),
    }
}

/// The number rounded to the decimals, and as text with all of them. The text is never `-0.000`.
pub fn rounded(value: f64, decimals: u8) -> (f64, String) {
    let text = format!("{value:.*}", usize::from(decimals));
    let text = match text.strip_prefix('-') {
        Some(digits) if digits.chars().all(|c| matches!(c, '0' | '.')) => digits.to_owned(),
        _ => text,
    };
    // The text of a number always parses.
    (text.parse().unwrap_or(value), text)
}

/// An exact sum, stored as non-overlapping parts from small to large.
///
/// Shewchuk 1997, Discrete & Computational Geometry 18:305, theorem 10. Python's `math.fsum` uses the same algorithm.
#[derive(Default)]
struct ExactSum {
    parts: Vec<f64>,
}

impl ExactSum {
    fn add(&mut self, value: f64) {
        let mut carry = value;
        let mut kept = 0;
        for i in 0..self.parts.len() {
            let (sum, error) = two_sum(carry, self.parts[i]);
            if error != 0.0 {
                self.parts[kept] = error;
                kept += 1;
            }
            carry = sum;
        }
        self.parts.truncate(kept);
        self.parts.push(carry);
    }

    /// The nearest double; of two equally near ones, the even one.
    fn rounded(&self) -> f64 {
        let mut parts = self.parts.iter().rev().copied();
        let Some(mut high) = parts.next() else {
            return 0.0;
        };
        let mut low = 0.0;
        for part in parts.by_ref() {
            (high, low) = two_sum(high, part);
            if low != 0.0 {
                break;
            }
        }
        // If `low` is exactly half a step, the next part decides the direction of rounding. It may point away from
        // the even neighbour that the addition chose.
        if let Some(next) = parts.next()
            && low * next > 0.0
        {
            let step = low * 2.0;
            let moved = high + step;
            if moved - high == step {
                high = moved;
            }
        }
        high
    }
}

/// `a + b` rounded, and the rounding error (Knuth's algorithm, which works for any magnitudes).
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    let error = (a - (sum - b_part)) + (b - b_part);
    (sum, error)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn permutations(values: [f64; 5]) -> Vec<Vec<f64>> {
        (0..120)
            .map(|mut code: usize| {
                let mut rest = values.to_vec();
                (1..=5)
                    .rev()
                    .map(|left| {
                        let pick = code % left;
                        code /= left;
                        rest.remove(pick)
                    })
                    .collect()
            })
            .collect()
    }

    #[test]
    fn every_order_of_the_cases_gives_the_same_mean() {
        let all = permutations([0.8, 0.85, 0.9, 0.95, 1.0]);
        assert!(all.iter().all(|order| mean(order) == Some(0.9)));
        let naive: std::collections::BTreeSet<u64> =
            all.iter().map(|order| (order.iter().sum::<f64>() / 5.0).to_bits()).collect();
        assert!(naive.len() > 1, "the error that this module avoids");
    }

    #[test]
    fn sums_are_exact_where_plain_ones_are_not() {
        assert_eq!(mean(&[1e100, 1.0, -1e100, 1.0]), Some(0.5));
        assert_eq!(mean(&[0.1; 10]), Some(0.1));
        assert_eq!(mean(&[f64::MAX; 3]), Some(f64::MAX));
        assert_eq!(mean(&[f64::MAX, -f64::MAX]), Some(0.0));
        // Slightly more than half a step: the even neighbour would be wrong.
        let half = f64::EPSILON / 2.0;
        let mut sum = ExactSum::default();
        [1.0, half, half * half].iter().for_each(|v| sum.add(*v));
        assert_eq!(sum.rounded(), 1.0 + f64::EPSILON);
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn medians_of_odd_even_and_empty_lists() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    proptest! {
        #[test]
        fn mean_and_median_do_not_depend_on_the_order(
            input in proptest::collection::vec(-1e3..1e3f64, 1..40)
                .prop_flat_map(|v| (Just(v.clone()), Just(v).prop_shuffle()))
        ) {
            let (values, shuffled) = input;
            prop_assert_eq!(mean(&values), mean(&shuffled));
            prop_assert_eq!(median(&values), median(&shuffled));
        }
    }
}
