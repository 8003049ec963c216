//! Encrypted linear algebra against the same product in plain f64, on one core, and ids blinded per second.
//! A report, not a test: absolute times vary with the machine, so it prints ratios taken within one run.
#![allow(clippy::print_stdout, reason = "the table is what this program is for")]
#![allow(clippy::disallowed_methods, reason = "measuring needs a clock")]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use crypto::curve::BlindingKey;
use crypto::random::Random;
use crypto::rlwe::{PreparedMatrix, PublicKey, SecretKey};

/// Repeats of each operation; the shortest counts, as the least disturbed.
const REPEATS: usize = 5;

/// Ids blinded in one go.
const IDS: usize = 4096;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    pool.install(|| {
        let mut random = Random::from_os()?;
        let secret = SecretKey::generate(&mut random);
        let public = secret.public_key(&mut random);
        println!(
            "{:<22}{:>14}{:>16}{:>18}",
            "", "time", "per entry", "plain product = 1"
        );
        for (rows, columns) in [(8192, 32), (569, 20), (100_000, 8)] {
            report(rows, columns, &secret, &public, &mut random)?;
        }
        blinding(&mut random)
    })
}

fn report(
    rows: usize,
    columns: usize,
    secret: &SecretKey,
    public: &PublicKey,
    random: &mut Random,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let entries: Vec<i64> = (0..rows * columns)
        .map(|_| random.below(1 << 17) as i64 - (1 << 16))
        .collect();
    let values: Vec<i64> = (0..rows)
        .map(|_| random.below(1 << 21) as i64 - (1 << 20))
        .collect();
    let (matrix, vector): (Vec<f64>, Vec<f64>) = (
        entries.iter().map(|&x| x as f64).collect(),
        values.iter().map(|&x| x as f64).collect(),
    );
    let (plain, _) = best(|| plain_product(black_box(&matrix), black_box(&vector), columns));
    let (prepare, prepared) = best(|| PreparedMatrix::from_row_major(rows, columns, &entries));
    let prepared = prepared?;
    let (encrypt, encrypted) = best(|| public.encrypt_vector(&values, random));
    let (multiply, sums) = best(|| prepared.transpose_times(&encrypted));
    let sums = sums?;
    let (mask, masked) = best(|| sums.mask(public, random));
    let (masked, _) = masked?;
    let (open, _) = best(|| secret.open(&masked));
    println!(
        "\n{rows} rows, {columns} columns; vector {} kB, sums {} kB",
        kilobytes(&encrypted.to_bytes()),
        kilobytes(&masked.to_bytes())
    );
    let steps = [
        ("plain f64 product", plain),
        ("prepare matrix", prepare),
        ("encrypt_vector", encrypt),
    ];
    for (name, time) in steps.into_iter().chain([
        ("transpose_times", multiply),
        ("mask", mask),
        ("open", open),
    ]) {
        let per_entry = time.as_nanos() as f64 / (rows * columns) as f64;
        let ratio = time.as_secs_f64() / plain.as_secs_f64();
        println!(
            "{name:<22}{:>11.1} us{per_entry:>13.2} ns{ratio:>18.1}",
            time.as_secs_f64() * 1e6
        );
    }
    Ok(())
}

fn blinding(random: &mut Random) -> Result<(), Box<dyn Error + Send + Sync>> {
    let key = BlindingKey::generate(random);
    let ids: Vec<String> = (0..IDS).map(|number| format!("id-{number:012}")).collect();
    let (first, points) = best(|| key.blind_ids(&ids, b"encrypted_algebra bench"));
    let (second, blinded) = best(|| key.blind_points(&points));
    blinded?;
    let rate = |time: Duration| IDS as f64 / time.as_secs_f64();
    println!(
        "\nids blinded per second and core: {:.0}; points of a peer: {:.0}",
        rate(first),
        rate(second)
    );
    Ok(())
}

/// Transpose of a row-major matrix times a vector.
fn plain_product(matrix: &[f64], vector: &[f64], columns: usize) -> Vec<f64> {
    let mut sums = vec![0.0; columns];
    for (row, value) in matrix.chunks_exact(columns).zip(vector) {
        for (sum, entry) in sums.iter_mut().zip(row) {
            *sum += entry * value;
        }
    }
    sums
}

/// The shortest of a few runs, and what the last one gave.
fn best<T>(mut run: impl FnMut() -> T) -> (Duration, T) {
    let mut once = || {
        let start = Instant::now();
        let result = black_box(run());
        (start.elapsed(), result)
    };
    let first = once();
    (1..REPEATS).fold(first, |(shortest, _), _| {
        let (time, result) = once();
        (shortest.min(time), result)
    })
}

fn kilobytes(bytes: &[u8]) -> usize {
    bytes.len() / 1000
}
