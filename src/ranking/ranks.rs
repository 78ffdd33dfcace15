//! Competition ranks: 1, 2, 2, 4. Knows no teams, cases or metrics.

use crate::model::Direction;

/// The rank of each value, where 1 is the best. Equal values share the smaller rank ("min" ties).
///
/// Missing values share the rank after the largest assigned rank: `0.9, 0.5, 0.5, -` gets the ranks 1, 2, 2, 3, as in
/// challengeR (`rankNA2`), although a fourth value below 0.5 would get rank 4. If teams can cause missing values, a
/// challenge should fill them with a number instead.
pub fn ranks(values: &[Option<f64>], good: Direction) -> Vec<u32> {
    let mut present: Vec<(f64, usize)> =
        values.iter().enumerate().filter_map(|(i, value)| value.map(|v| (v, i))).collect();
    present.sort_by(|(a, _), (b, _)| match good {
        Direction::Min => a.total_cmp(b),
        Direction::Max => b.total_cmp(a),
    });
    let mut ranks = vec![0; values.len()];
    let (mut last, mut rank) = (None, 0);
    for (position, (value, i)) in (1u32..).zip(present) {
        // `!=` on floats makes 0 and -0 a tie. They are neighbours after sorting.
        if last != Some(value) {
            rank = position;
        }
        last = Some(value);
        ranks[i] = rank;
    }
    for (slot, value) in ranks.iter_mut().zip(values) {
        if value.is_none() {
            *slot = rank + 1;
        }
    }
    ranks
}

/// [`ranks`] without missing values.
pub fn ranks_of(values: &[f64], good: Direction) -> Vec<u32> {
    let values: Vec<_> = values.iter().copied().map(Some).collect();
    ranks(&values, good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_the_smaller_rank() {
        let values = [0.5, 0.9, 0.5, 0.1];
        assert_eq!(ranks_of(&values, Direction::Max), [2, 1, 2, 4]);
        assert_eq!(ranks_of(&values, Direction::Min), [2, 4, 2, 1]);
        assert_eq!(ranks_of(&[0.0, -0.0], Direction::Max), [1, 1]);
        assert_eq!(ranks_of(&[], Direction::Max), [0u32; 0]);
    }

    #[test]
    fn missing_values_rank_after_the_largest_rank() {
        let values = [Some(0.9), Some(0.5), Some(0.5), None, None];
        assert_eq!(ranks(&values, Direction::Max), [1, 2, 2, 3, 3]);
        assert_eq!(ranks(&values, Direction::Min), [3, 1, 1, 4, 4]);
        assert_eq!(ranks(&[None, None], Direction::Min), [1, 1]);
    }
}
