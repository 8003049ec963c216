//! Transforms of rows: `[{"method": "filter", "args": "lambda l: …"}]`, applied in order.

use std::collections::HashSet;

use learning::initial::Seeded;

use crate::error::{LearnError, Result, Watch};
use crate::python::{Lambda, Literal, read_arguments, read_literal, repr, truth};

/// Rows that a head shows.
const HEAD: usize = 10;
/// Most steps of a transform.
const MOST_STEPS: usize = 100;
/// Deepest nesting of what a row becomes.
const DEEPEST_ROW: usize = 64;

/// One transform.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Keeps the rows for which the lambda is true.
    Filter(Lambda),
    /// Replaces every row by what the lambda makes of it.
    Map(Lambda),
    /// Keeps one of equal rows, the first.
    Distinct,
    /// Keeps rows by chance.
    Sample {
        /// Whether a row may be kept more than once.
        with_replacement: bool,
        /// How many of the rows, as a part.
        fraction: f64,
        /// What the chance begins with; none for one that differs each time.
        seed: Option<u64>,
    },
}

/// Reads the steps of a transform; none and an empty text mean no steps.
pub fn steps_of(text: &str) -> Result<Vec<Step>> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let all = match read_literal("params", text)? {
        Literal::None => return Ok(Vec::new()),
        Literal::List(all) | Literal::Tuple(all) => all,
        one @ Literal::Dict(_) => vec![one],
        other => {
            return Err(LearnError::parameter(
                "params",
                format!("it is a {}, not a list", other.type_name()),
            ));
        }
    };
    if all.len() > MOST_STEPS {
        return Err(LearnError::parameter(
            "params",
            format!("{} steps are more than {MOST_STEPS}", all.len()),
        ));
    }
    all.iter().map(step).collect()
}

fn step(described: &Literal) -> Result<Step> {
    let method = described.get("method").and_then(Literal::as_text);
    let method = method.ok_or_else(|| LearnError::parameter("params", "a step names no method"))?;
    let args = described
        .get("args")
        .and_then(Literal::as_text)
        .unwrap_or("");
    match method {
        "filter" => Ok(Step::Filter(Lambda::read(args)?)),
        "map" => Ok(Step::Map(Lambda::read(args)?)),
        "distinct" => match read_arguments("args", args)?.as_slice() {
            [] | [Literal::None | Literal::Int(_)] => Ok(Step::Distinct),
            _ => Err(LearnError::parameter(
                "distinct",
                "it takes a number of partitions, or nothing",
            )),
        },
        "sample" => sample(&read_arguments("args", args)?),
        other => Err(LearnError::Construct {
            construct: format!("the method .{other}()"),
        }),
    }
}

fn sample(arguments: &[Literal]) -> Result<Step> {
    let wrong = || LearnError::parameter("sample", "it takes (withReplacement, fraction, seed)");
    let (with_replacement, fraction, seed) = match arguments {
        [with, fraction] => (with, fraction, None),
        [with, fraction, Literal::None] => (with, fraction, None),
        [with, fraction, Literal::Int(seed)] => (with, fraction, Some(seed.cast_unsigned())),
        _ => return Err(wrong()),
    };
    let fraction = match fraction {
        Literal::Float(number) => *number,
        Literal::Int(0) => 0.0,
        Literal::Int(1) => 1.0,
        _ => return Err(wrong()),
    };
    let with_replacement = truth(with_replacement);
    let most = if with_replacement { 10.0 } else { 1.0 };
    if !(0.0..=most).contains(&fraction) {
        return Err(LearnError::parameter(
            "sample",
            format!("fraction must be 0 to {most}"),
        ));
    }
    Ok(Step::Sample {
        with_replacement,
        fraction,
        seed,
    })
}

/// Most bytes that the rows of one step may take, in memory, by and large.
const MOST_BYTES: usize = 1 << 31;

/// Counts what a step makes, row by row.
struct Budget<'a> {
    watch: Watch<'a>,
    rows: usize,
    most: usize,
    left: usize,
}

impl Budget<'_> {
    fn take(&mut self, row: &Literal) -> Result<()> {
        self.watch.now_and_then(self.rows)?;
        self.rows += 1;
        let left = self.left.checked_sub(row.weight());
        self.left = left.ok_or_else(|| {
            LearnError::Limit(format!(
                "a step makes more than {} MiB of rows",
                self.most >> 20
            ))
        })?;
        Ok(())
    }
}

/// Applies the steps; `seed` is for samples that name none. Fails when the rows of a step would fill the memory.
pub fn run_steps(
    steps: &[Step],
    rows: Vec<Literal>,
    seed: u64,
    watch: Watch<'_>,
) -> Result<Vec<Literal>> {
    within(MOST_BYTES, steps, rows, seed, watch)
}

fn within(
    most: usize,
    steps: &[Step],
    mut rows: Vec<Literal>,
    seed: u64,
    watch: Watch<'_>,
) -> Result<Vec<Literal>> {
    for (index, step) in steps.iter().enumerate() {
        let mut budget = Budget {
            watch,
            rows: 0,
            most,
            left: most,
        };
        rows = match step {
            Step::Filter(lambda) => {
                let mut kept = Vec::new();
                for (at, row) in rows.into_iter().enumerate() {
                    watch.go_on()?;
                    if truth(
                        &lambda
                            .call(&row)
                            .map_err(|reason| LearnError::row(at + 1, reason))?,
                    ) {
                        kept.push(row);
                    }
                }
                kept
            }
            Step::Map(lambda) => {
                let made = |(at, row): (usize, Literal)| {
                    watch.go_on()?;
                    let made = lambda
                        .call(&row)
                        .map_err(|reason| LearnError::row(at + 1, reason))?;
                    budget.take(&made)?;
                    if made.depth() > DEEPEST_ROW {
                        return Err(LearnError::row(
                            at + 1,
                            format!("it is nested deeper than {DEEPEST_ROW}"),
                        ));
                    }
                    Ok(made)
                };
                rows.into_iter()
                    .enumerate()
                    .map(made)
                    .collect::<Result<_>>()?
            }
            Step::Distinct => {
                let mut seen = HashSet::new();
                let mut kept = Vec::new();
                for row in rows {
                    watch.go_on()?;
                    if seen.insert(repr(&row)) {
                        kept.push(row);
                    }
                }
                kept
            }
            Step::Sample {
                with_replacement,
                fraction,
                seed: own,
            } => {
                let seeded = Seeded::new(own.unwrap_or(seed).wrapping_add(index as u64));
                sampled(rows, (*with_replacement, *fraction), seeded, &mut budget)?
            }
        };
    }
    Ok(rows)
}

fn sampled(
    rows: Vec<Literal>,
    (with_replacement, fraction): (bool, f64),
    mut seeded: Seeded,
    budget: &mut Budget<'_>,
) -> Result<Vec<Literal>> {
    if !with_replacement {
        let mut kept = Vec::new();
        for (at, row) in rows.into_iter().enumerate() {
            budget.watch.now_and_then(at)?;
            if seeded.uniform() < fraction {
                kept.push(row);
            }
        }
        return Ok(kept);
    }
    // how often a row is kept is Poisson's number, drawn by Knuth's product of uniform numbers
    let limit = (-fraction).exp();
    let mut kept = Vec::new();
    for row in rows {
        let mut product = seeded.uniform();
        while product > limit {
            budget.take(&row)?;
            kept.push(row.clone());
            product *= seeded.uniform();
        }
    }
    Ok(kept)
}

/// The first ten rows as Python prints a list.
pub fn head(rows: &[Literal]) -> String {
    repr(&Literal::List(rows.iter().take(HEAD).cloned().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GO_ON: Watch<'static> = Watch(&|| false);

    #[test]
    fn is_bounded_and_stops() {
        let more = steps_of(&format!(
            "[{}]",
            "{'method': 'sample', 'args': 'True, 10.0, 1'},".repeat(9)
        ))
        .unwrap();
        let long = steps_of(r#"[{"method": "map", "args": "lambda x: x * 100000"}]"#).unwrap();
        for steps in [more, long] {
            let said = within(1 << 20, &steps, rows(&["a"; 50]), 7, GO_ON)
                .unwrap_err()
                .to_string();
            assert_eq!(said, "a step makes more than 1 MiB of rows");
        }
        let steps = steps_of("[{'method': 'map', 'args': 'lambda x: x'}]").unwrap();
        assert_eq!(
            run_steps(&steps, rows(&["a"]), 7, Watch(&|| true)),
            Err(LearnError::Stopped)
        );
    }

    fn rows(texts: &[&str]) -> Vec<Literal> {
        texts
            .iter()
            .map(|text| Literal::Text((*text).to_owned()))
            .collect()
    }

    fn ran(params: &str, texts: &[&str]) -> Result<String> {
        Ok(head(&run_steps(&steps_of(params)?, rows(texts), 7, GO_ON)?))
    }

    #[test]
    fn applies_steps_in_order() {
        let filter = "[{u'method': u'filter', u'args': u\"lambda l: l.split(',')[0] != '0'\"}]";
        assert_eq!(
            ran(filter, &["4500,1", "0,2", "10,3"]).unwrap(),
            "['4500,1', '10,3']"
        );
        let two = r#"[{"method": "map", "args": "lambda l: l.split(',')"}, {"method": "filter", "args": "lambda l: int(l[1]) > 1"},
            {"method": "distinct", "args": ""}]"#;
        assert_eq!(ran(two, &["a,1", "b,2", "b,2"]).unwrap(), "[['b', '2']]");
        assert_eq!(ran("None", &["a"]).unwrap(), "['a']");
    }

    #[test]
    fn samples_about_as_many_as_asked() {
        let all: Vec<String> = (0..2000).map(|n| n.to_string()).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        for (args, least, most) in [
            ("False, 0.5", 850, 1150),
            ("True, 2.0, 3", 3700, 4300),
            ("False, 1", 2000, 2000),
        ] {
            let steps = steps_of(&format!("[{{'method': 'sample', 'args': '{args}'}}]")).unwrap();
            let kept = run_steps(&steps, rows(&all), 5, GO_ON).unwrap().len();
            assert!((least..=most).contains(&kept), "{args}: {kept}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let nest = "{'method': 'map', 'args': 'lambda x: [[[[[[[[[[x]]]]]]]]]]'},";
        let (deep, many) = (
            format!("[{}]", nest.repeat(7)),
            format!("[{}]", nest.repeat(101)),
        );
        for (params, said) in [
            (
                "[{'method': 'reduce', 'args': ''}]",
                "the method .reduce() is not interpreted",
            ),
            (
                "[{'method': 'map', 'args': 'lambda x: open(x)'}]",
                "a call of open is not interpreted",
            ),
            (
                "[{'method': 'map', 'args': 'lambda x: x[9]'}]",
                "row 1: IndexError: string index out of range",
            ),
            ("[{'args': ''}]", "params: a step names no method"),
            (&deep, "row 1: it is nested deeper than 64"),
            (&many, "params: 101 steps are more than 100"),
            ("7", "params: it is a int, not a list"),
            (
                "[{'method': 'sample', 'args': 'False, 7'}]",
                "sample: it takes (withReplacement, fraction, seed)",
            ),
        ] {
            assert_eq!(ran(params, &["a"]).unwrap_err().to_string(), said);
        }
    }
}
