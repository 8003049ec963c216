//! Mutations of a corpus, the same for the same seed.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Most bytes of an input.
const LONGEST: usize = 1 << 15;
/// Numbers at which lengths and signs turn.
const TURNS: [u64; 8] = [0, 1, 0x7f, 0x80, 0xff, 0x7fff_ffff, 0xffff_ffff, u64::MAX];

/// Makes inputs out of seeds.
#[derive(Debug)]
pub struct Mutator {
    random: StdRng,
    seeds: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
}

impl Mutator {
    /// Of a corpus, with the words of its format; the same number gives the same inputs.
    pub fn new(seed: u64, mut seeds: Vec<Vec<u8>>, words: &[&[u8]]) -> Self {
        if seeds.is_empty() {
            seeds.push(vec![0]);
        }
        Self {
            random: StdRng::seed_from_u64(seed),
            seeds,
            words: words.iter().map(|word| word.to_vec()).collect(),
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random.random_range(0..bound.max(1))
    }

    /// The next input: a seed with one to eight changes.
    pub fn input(&mut self) -> Vec<u8> {
        let at = self.below(self.seeds.len());
        let mut bytes = self.seeds[at].clone();
        for _ in 0..=self.below(8) {
            self.change(&mut bytes);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let (from, to) = {
            let (a, b) = (self.below(bytes.len() + 1), self.below(bytes.len() + 1));
            (a.min(b), a.max(b).min(a.min(b) + 256))
        };
        match self.below(9) {
            0 if from < bytes.len() => bytes[from] ^= 1 << self.below(8),
            1 if from < bytes.len() => bytes[from] = self.random.random(),
            2 => drop(bytes.drain(from..to)),
            3 => {
                let piece = bytes[from..to].to_vec();
                let at = self.below(bytes.len() + 1);
                drop(bytes.splice(at..at, piece));
            }
            4 => {
                let more: Vec<u8> = (0..=self.below(16)).map(|_| self.random.random()).collect();
                drop(bytes.splice(from..from, more));
            }
            5 => bytes.truncate(from),
            6 if !self.words.is_empty() => {
                let word = self.below(self.words.len());
                let word = self.words[word].clone();
                let end = if self.below(2) == 0 { from } else { to };
                drop(bytes.splice(from..end, word));
            }
            7 => {
                let other = self.below(self.seeds.len());
                let other = self.seeds[other].clone();
                let tail = other.split_at(self.below(other.len() + 1)).1.to_vec();
                bytes.truncate(from);
                bytes.extend(tail);
            }
            _ => {
                let number = TURNS[self.below(TURNS.len())];
                let size = 1 << self.below(4);
                let number = if self.below(2) == 0 {
                    number.to_le_bytes()[..size].to_vec()
                } else {
                    number.to_be_bytes()[8 - size..].to_vec()
                };
                let end = bytes.len().min(from + size);
                drop(bytes.splice(from..end, number));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_gives_the_same_inputs_and_they_differ() {
        let of = |seed| {
            let mut mutator = Mutator::new(seed, vec![b"hello, world".to_vec()], &[b"word"]);
            (0..200).map(|_| mutator.input()).collect::<Vec<_>>()
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        let mut different = of(1);
        different.sort();
        different.dedup();
        assert!(different.len() > 150, "{}", different.len());
    }
}
