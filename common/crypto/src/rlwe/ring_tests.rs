//! Tests of the ring against schoolbook arithmetic and against wide integers.

use super::*;
use crate::random::Random;

/// q as 64-bit words, low first.
fn wide_q() -> [u64; 5] {
    PRIMES
        .iter()
        .fold([1, 0, 0, 0, 0], |product, (q, _)| times_word(product, *q))
}

fn times_word(number: [u64; 5], word: u64) -> [u64; 5] {
    let mut carry = 0u128;
    number.map(|digit| {
        let sum = u128::from(digit) * u128::from(word) + carry;
        carry = sum >> 64;
        sum as u64
    })
}

/// round(q * message / 2^64), halves up.
fn wide_scaled(message: u64) -> [u64; 5] {
    let product = times_word(wide_q(), message);
    let mut carry = product[0] >> 63;
    let mut result = [0; 5];
    for (digit, source) in result.iter_mut().zip(&product[1..]) {
        let (sum, over) = source.overflowing_add(carry);
        *digit = sum;
        carry = u64::from(over);
    }
    result
}

fn wide_mod(number: [u64; 5], q: u64) -> u64 {
    number.iter().rev().fold(0, |rest, digit| {
        (((u128::from(rest) << 64) | u128::from(*digit)) % u128::from(q)) as u64
    })
}

fn is_prime(n: u64) -> bool {
    let times = |a: u64, b: u64| (u128::from(a) * u128::from(b) % u128::from(n)) as u64;
    let power = |base: u64, exponent: u64| {
        (0..64).rev().fold(1, |result, bit| {
            let square = times(result, result);
            if exponent >> bit & 1 == 1 {
                times(square, base)
            } else {
                square
            }
        })
    };
    let twos = (n - 1).trailing_zeros();
    // These bases decide every 64-bit number.
    [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37]
        .iter()
        .all(|&base| {
            let first = power(base, (n - 1) >> twos);
            let squares = std::iter::successors(Some(first), |&x| Some(times(x, x)));
            first == 1 || squares.take(twos as usize).any(|x| x == n - 1)
        })
}

#[test]
fn the_modulus_is_what_the_standard_allows() {
    for (q, root) in PRIMES {
        assert!(is_prime(q) && q < 1 << 50 && q % (2 * DEGREE as u64) == 1);
        assert_eq!(Prime::new(q).power(root, DEGREE as u64), q - 1);
    }
    let bits: f64 = PRIMES.iter().map(|(q, _)| (*q as f64).log2()).sum();
    assert!(bits < 218.0, "N = 8192 with a ternary secret");
    let distinct: std::collections::HashSet<_> = PRIMES.iter().collect();
    assert_eq!(distinct.len(), LIMBS);
}

#[test]
fn transforms_undo_each_other() {
    let mut random = Random::seeded(1);
    for limb in &RING.limbs {
        let before: Vec<u64> = (0..DEGREE).map(|_| random.below(limb.prime.q)).collect();
        let mut values = before.clone();
        limb.transform(&mut values);
        assert_ne!(values, before);
        limb.transform_back(&mut values);
        assert_eq!(values, before);
    }
}

#[test]
fn transforms_hold_at_the_largest_values() {
    for limb in &RING.limbs {
        let before = vec![limb.prime.q - 1; DEGREE];
        let mut values = before.clone();
        limb.transform(&mut values);
        limb.transform_back(&mut values);
        assert_eq!(values, before);
    }
}

#[test]
fn products_equal_schoolbook_products() {
    let mut random = Random::seeded(2);
    let small = |random: &mut Random| -> Vec<i64> {
        (0..DEGREE)
            .map(|_| random.below(2001) as i64 - 1000)
            .collect()
    };
    let (left, right) = (small(&mut random), small(&mut random));
    let mut schoolbook = vec![0i64; DEGREE];
    for (i, x) in left.iter().enumerate() {
        for (j, y) in right.iter().enumerate() {
            let sign = if i + j < DEGREE { 1 } else { -1 };
            schoolbook[(i + j) % DEGREE] += sign * x * y;
        }
    }
    let mut product = Evaluations::from_small(&left);
    product.mul(&Evaluations::from_small(&right).into_multiplier());
    let product = product.into_coefficients();
    for (limb, values) in RING.limbs.iter().zip(product.chunks_exact(DEGREE)) {
        let expected: Vec<u64> = schoolbook
            .iter()
            .map(|x| x.rem_euclid(limb.prime.q as i64) as u64)
            .collect();
        assert_eq!(values, expected);
    }
}

#[test]
fn scaling_up_is_exact() {
    let mut random = Random::seeded(3);
    let edges = [
        0,
        1,
        2,
        u64::MAX,
        u64::MAX - 1,
        1 << 63,
        (1 << 63) - 1,
        (1 << 63) + 1,
    ];
    for message in edges.into_iter().chain((0..2000).map(|_| random.u64())) {
        let wide = wide_scaled(message);
        for limb in &RING.limbs {
            assert_eq!(
                RING.scale_up(limb, message),
                wide_mod(wide, limb.prime.q),
                "{message}"
            );
        }
    }
}

#[test]
fn scaling_down_undoes_scaling_up_even_under_large_noise() {
    let mut random = Random::seeded(4);
    for round in 0..4000u64 {
        let message = if round < 4 {
            round.wrapping_sub(2)
        } else {
            random.u64()
        };
        // The extremes of the flooding noise, and random ones: -2^134 ..= 2^134 - 1.
        let noise = match round % 3 {
            0 => [0, 0, 0],
            1 => [u64::MAX, u64::MAX, 127],
            _ => [random.u64(), random.u64(), random.below(128)],
        };
        let residues = std::array::from_fn(|index| {
            let limb = &RING.limbs[index];
            limb.prime
                .add(RING.scale_up(limb, message), limb.reduce_wide(noise))
        });
        assert_eq!(RING.scale_down(residues), message);
    }
}

#[test]
fn wide_numbers_reduce() {
    for limb in &RING.limbs {
        // 64 * 2^128 - 2^134 = 0
        assert_eq!(limb.reduce_wide([0, 0, 64]), 0);
        assert_eq!(limb.reduce_wide([5, 0, 64]), 5);
        assert_eq!(limb.reduce_wide([0, 1, 64]), limb.prime.power(2, 64));
    }
}

#[test]
fn integers_scale_elements() {
    let coefficients: Vec<i64> = (0..DEGREE as i64).collect();
    for factor in [-3, 0, 1, i64::from(u32::MAX)] {
        let mut scaled = Evaluations::from_small(&coefficients);
        scaled.scale(factor);
        let expected: Vec<i64> = coefficients.iter().map(|x| x * factor).collect();
        assert!(scaled == Evaluations::from_small(&expected));
    }
}
