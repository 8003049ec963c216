//! Words as vectors: skip-gram with a hierarchical softmax over a Huffman tree.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use learning::initial::Seeded;
use serde::{Deserialize, Serialize};

use crate::error::{LearnError, Result, Watch};

/// Numbers of a word.
const SIZE: usize = 100;
/// Words to either side that count as near, at most.
const WINDOW: usize = 5;

/// How words are learned: the rate at the start, how often all rows are read, how often a word must occur.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reading {
    pub(crate) rate: f64,
    pub(crate) turns: usize,
    pub(crate) least: usize,
}

/// Vectors of words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Vectors {
    words: Vec<String>,
    vectors: Vec<Vec<f32>>,
}

/// A word's way through the tree: inner nodes, and at each whether it goes right.
type Way = Vec<(usize, bool)>;

/// Ways of a Huffman tree over counts.
fn ways(counts: &[usize]) -> Vec<Way> {
    let leaves = counts.len();
    let mut waiting: BinaryHeap<Reverse<(usize, usize)>> = counts
        .iter()
        .enumerate()
        .map(|(at, count)| Reverse((*count, at)))
        .collect();
    let mut parents = vec![(0usize, false); (2 * leaves).saturating_sub(1)];
    let mut next = leaves;
    while waiting.len() > 1 {
        let (Some(Reverse((a, left))), Some(Reverse((b, right)))) = (waiting.pop(), waiting.pop())
        else {
            break;
        };
        parents[left] = (next, false);
        parents[right] = (next, true);
        waiting.push(Reverse((a + b, next)));
        next += 1;
    }
    let root = next - 1;
    let way = |leaf: usize| {
        let (mut at, mut way) = (leaf, Way::new());
        while at != root {
            let (parent, right) = parents[at];
            way.push((parent - leaves, right));
            at = parent;
        }
        way.reverse();
        way
    };
    (0..leaves).map(way).collect()
}

impl Vectors {
    pub(crate) fn learn(lines: &[String], how: Reading, watch: Watch<'_>) -> Result<Self> {
        let Reading { rate, turns, least } = how;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, word) in lines.iter().flat_map(|line| line.split(' ')).enumerate() {
            watch.now_and_then(at)?;
            *counts.entry(word).or_default() += 1;
        }
        counts.retain(|_, count| *count >= least);
        if counts.is_empty() {
            return Err(LearnError::Data(format!(
                "no word occurs {least} times (minCount)"
            )));
        }
        crate::points::bounded(counts.len(), 2 * SIZE)?;
        let position: BTreeMap<&str, usize> = counts
            .keys()
            .enumerate()
            .map(|(at, word)| (*word, at))
            .collect();
        let known = |line: &String| {
            line.split(' ')
                .filter_map(|word| position.get(word).copied())
                .collect()
        };
        let rows: Vec<Vec<usize>> = lines.iter().map(known).collect();
        let ways = ways(&counts.values().copied().collect::<Vec<_>>());
        let mut seeded = Seeded::new(1);
        let mut drawn = || {
            (0..SIZE)
                .map(|_| (seeded.uniform() as f32 - 0.5) / SIZE as f32)
                .collect::<Vec<f32>>()
        };
        let mut vectors: Vec<Vec<f32>> = (0..counts.len()).map(|_| drawn()).collect();
        let mut inner = vec![vec![0.0f32; SIZE]; counts.len()];
        let all = (turns * rows.iter().map(Vec::len).sum::<usize>()).max(1) as f64;
        let mut done = 0usize;
        for _ in 0..turns {
            for row in &rows {
                watch.go_on()?;
                for at in 0..row.len() {
                    watch.now_and_then(at)?;
                    // the rate falls to a ten-thousandth of what it was
                    let rate = (rate * (1.0 - done as f64 / all)).max(rate * 1e-4) as f32;
                    let width = 1 + (seeded.uniform() * WINDOW as f64) as usize;
                    for near in at.saturating_sub(width)..(at + width + 1).min(row.len()) {
                        if near != at {
                            pull(&mut vectors[row[near]], &mut inner, &ways[row[at]], rate);
                        }
                    }
                    done += 1;
                }
            }
        }
        Ok(Self {
            words: counts.into_keys().map(str::to_owned).collect(),
            vectors,
        })
    }

    /// The words most like a word, with the cosine between them.
    pub(crate) fn like(&self, word: &str, number: usize) -> Option<Vec<(String, f64)>> {
        let own = self
            .words
            .binary_search_by(|other| other.as_str().cmp(word))
            .ok()?;
        let mut all: Vec<(f64, usize)> = (0..self.words.len())
            .filter(|at| *at != own)
            .map(|at| (cosine(&self.vectors[own], &self.vectors[at]), at))
            .collect();
        all.sort_by(|(a, at), (b, bt)| b.total_cmp(a).then(at.cmp(bt)));
        Some(
            all.into_iter()
                .take(number)
                .map(|(cosine, at)| (self.words[at].clone(), cosine))
                .collect(),
        )
    }
}

/// One step: the vector of a near word learns the way of the word in the middle.
fn pull(vector: &mut [f32], inner: &mut [Vec<f32>], way: &Way, rate: f32) {
    let mut change = vec![0.0f32; vector.len()];
    for (node, right) in way {
        let node = &mut inner[*node];
        let score: f32 = vector.iter().zip(node.iter()).map(|(a, b)| a * b).sum();
        let error = (f32::from(u8::from(!right)) - 1.0 / (1.0 + (-score).exp())) * rate;
        for ((change, node), cell) in change.iter_mut().zip(node.iter_mut()).zip(vector.iter()) {
            *change += error * *node;
            *node += error * cell;
        }
    }
    vector
        .iter_mut()
        .zip(change)
        .for_each(|(cell, change)| *cell += change);
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum::<f64>()
    };
    let norms = (dot(a, a) * dot(b, b)).sqrt();
    if norms == 0.0 { 0.0 } else { dot(a, b) / norms }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_words_have_short_ways() {
        let ways = ways(&[1, 1, 2, 8]);
        assert_eq!(ways.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 2, 1]);
        assert!(super::ways(&[5])[0].is_empty());
    }

    #[test]
    fn words_in_the_same_places_are_alike() {
        let mut lines = Vec::new();
        for at in 0..120 {
            let animal = ["cat", "dog"][at % 2];
            let metal = ["iron", "gold"][at % 2];
            lines.push(format!("the {animal} eats and sleeps"));
            lines.push(format!("we melt {metal} ore today"));
        }
        let vectors = Vectors::learn(
            &lines,
            Reading {
                rate: 0.05,
                turns: 20,
                least: 5,
            },
            Watch(&|| false),
        )
        .unwrap();
        let near = |word: &str, other: &str| {
            vectors
                .like(word, 50)
                .unwrap()
                .into_iter()
                .find(|(found, _)| found == other)
                .unwrap()
                .1
        };
        assert!(
            near("cat", "dog") > near("cat", "gold") + 0.1,
            "{} {}",
            near("cat", "dog"),
            near("cat", "gold")
        );
        assert_eq!(vectors.like("cat", 2).unwrap().len(), 2);
        assert!(vectors.like("unknown", 2).is_none());
        assert!(
            Vectors::learn(
                &lines,
                Reading {
                    rate: 0.05,
                    turns: 1,
                    least: 1000
                },
                Watch(&|| false)
            )
            .is_err()
        );
    }
}
