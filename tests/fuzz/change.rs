//! Pseudorandom changes of seeds, the same in every run. This module does not search for new paths, as libFuzzer does.

use crate::targets::seeds::WORDS;

/// A pseudorandom sequence of changes.
pub(crate) struct Changes(u64);

impl Changes {
    pub(crate) fn new(name: &str) -> Self {
        Self(name.bytes().fold(1, |sum, byte| sum * 31 + u64::from(byte)))
    }

    /// The next number (SplitMix64) below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % end.max(1)
    }

    /// A seed with one to four changes.
    pub(crate) fn changed(&mut self, seeds: &[Vec<u8>], bytes_max: usize) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let other = &seeds[self.below(seeds.len())];
            self.change(&mut bytes, other);
        }
        bytes.truncate(bytes_max);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(bytes.len() + 1);
        let bits = self.below(9);
        let length = self.below(1 << bits);
        let end = (at + length).min(bytes.len());
        match self.below(7) {
            0 => drop(bytes.drain(at..end)),
            1 => {
                let piece = bytes[at..end].to_vec();
                let to = self.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            2 => {
                let from = self.below(other.len() + 1);
                let to = (from + length).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            3 => {
                let byte = self.below(256) as u8;
                bytes.insert(at, byte);
            }
            4 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            _ => {
                let word = WORDS[self.below(WORDS.len())];
                bytes.splice(at..at, word.bytes());
            }
        }
    }
}
