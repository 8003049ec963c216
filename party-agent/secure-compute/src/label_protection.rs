//! What keeps a guest's labels from the hosts that train with it: one judgement of how rows are dealt into batches, made by
//! every party before the first message of a training that depends on data. For every learner in which hosts learn sums
//! of residuals over their own columns.
//!
//! A residual says its row's label, and hosts learn, for each batch, as many linear functions of the residuals of its rows
//! as they have columns. What they can do with them depends on which rows they know a batch to be made of.
//!
//! - Batches whose rows are known, as those of one batch of all rows are: each batch is a system of equations of its own. If the next epoch's batches are others,
//!   their equations come on top, until there are as many as rows. So the partition is dealt once, and each batch has
//!   several rows for each column.
//! - Batches hidden among all rows: whatever the batches are, what a host knows of them is a part of the sum over all rows.
//!   The host could find out the members of a batch that has fewer rows than there are columns, and that of batches which
//!   stay the same, so they are dealt anew each epoch.
//!
//! Every party works the judgement out for itself, from numbers that the guest tells: no message says what its outcome is.

use component_kit::{LabelRules, Result, TaskContext};
use learning::batches::{BatchPlan, BatchSettings};
use learning::labels::LabelKind;
use vocabulary::{ErrorCode, Fault};

/// What hosts know of the rows of batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// There are no rules: batches run as the job says.
    Unruled,
    /// The rows of each batch, which stay the same for the whole training.
    Named,
    /// Nothing: each batch is hidden among all rows of the table.
    Hidden,
}

/// How batches run.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The batches.
    pub plan: BatchPlan,
    /// What hosts know of them.
    pub case: Case,
    /// Why the labels are less safe than the rules ask for, where the rules let the training run all the same.
    pub warning: Option<String>,
    /// Whether the rows of a last batch that was too small were dealt out over the others.
    has_dealt_out: bool,
    rows: usize,
    columns: usize,
    kind: LabelKind,
}

/// What share of labels is found, in words: classes are guessed right or wrong, numbers are told by a share of their variance.
fn found(rows: usize, columns: usize, kind: LabelKind) -> String {
    match kind {
        LabelKind::Classes => format!("{:.0} % of", 100.0 * share_found(rows, columns)),
        LabelKind::Numbers => {
            let share = 100.0 * variance_found(rows, columns);
            format!("{share:.0} % of the variance of")
        }
    }
}

/// The share of the variance of random labels that least squares finds from the sums of `columns` columns over `rows` rows: the
/// sums tell the projection of the labels on the columns' space, which has so many of the rows' dimensions.
#[must_use]
pub fn variance_found(rows: usize, columns: usize) -> f64 {
    if rows <= columns {
        1.0
    } else {
        columns as f64 / rows as f64
    }
}

/// Judges a training on `rows` rows, with labels of this kind, with hosts that have `columns` columns together.
///
/// # Errors
/// Settings that make no plan, and a training that breaks a rule where the rules refuse it.
pub fn judge(
    kind: LabelKind,
    (rows, columns): (usize, usize),
    settings: &BatchSettings,
    rules: LabelRules,
) -> Result<Judged> {
    let plan = BatchPlan::new(rows, settings);
    let plan = plan.map_err(|error| Fault::new(ErrorCode::DataMismatch, error.to_string()))?;
    if rules.rows_per_column == 0 {
        let warning = "the policy has no rules for labels: hosts may learn them from small batches";
        let warning = Some(warning.to_owned());
        return Ok(Judged {
            plan,
            case: Case::Unruled,
            warning,
            has_dealt_out: false,
            rows,
            columns,
            kind,
        });
    }
    // Rows that a batch must have whose rows are known.
    let known = columns
        .saturating_mul(rules.rows_per_column as usize)
        // With as many sums as rows the labels are the solution of linear equations.
        .max(columns.saturating_add(1));
    let is_small = (rows as u64) < rules.small_table;
    // Batches that are dealt anew each epoch give new sums each time, so their rows must not be
    // known.
    let is_named = !plan.is_mutable() && plan.batch_size() >= known;
    let fewest = if is_named || is_small {
        known
    } else {
        columns.saturating_add(1)
    };
    let mut plan = if is_named {
        plan
    } else {
        plan.hidden_among_all()
    };
    let has_dealt_out = plan.batch_size() >= fewest && smallest(&plan) < fewest;
    if has_dealt_out {
        plan = plan.without_a_smaller_last();
    }
    // One batch of all rows is hidden among none.
    let is_whole = plan.batch_size() == rows;
    let (case, fewest) = match is_named || is_whole {
        true => (Case::Named, known),
        false => (Case::Hidden, fewest),
    };
    let members = plan.batch_size();
    let breach = Breach {
        rows,
        columns,
        members,
        fewest,
        is_small,
        kind,
    };
    let warning = (members < fewest).then(|| breach.to_string());
    match warning {
        Some(text) if rules.refuses => {
            let rule = if is_small {
                "labels.small_table"
            } else {
                "labels.rows_per_column"
            };
            let fault = Fault::new(ErrorCode::ReleaseRefused, text).path(rule);
            Err(fault
                .next("take larger batches, more rows or fewer columns, or have the guest's policy warn only")
                .into())
        }
        warning => Ok(Judged {
            plan,
            case,
            warning,
            has_dealt_out,
            rows,
            columns,
            kind,
        }),
    }
}

/// Rows of the smallest batch.
fn smallest(plan: &BatchPlan) -> usize {
    // A plan has a batch, and a batch has a row.
    plan.sizes().into_iter().min().unwrap_or(0)
}

/// A training that breaks a rule.
struct Breach {
    rows: usize,
    columns: usize,
    members: usize,
    fewest: usize,
    is_small: bool,
    kind: LabelKind,
}

impl std::fmt::Display for Breach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            rows,
            columns,
            members,
            fewest,
            ..
        } = *self;
        let why = match (self.is_small, members == rows) {
            (true, _) => "a table of so few rows",
            (false, true) => "one batch of all rows, which hosts know,",
            (false, false) => "batches hidden among all rows",
        };
        write!(
            f,
            "batches of {members} of {rows} rows, where the hosts have {columns} columns: {why} must have at least "
        )?;
        write!(
            f,
            "{fewest} in a batch; from sums over so few rows a host learns about {} labels",
            found(members, columns, self.kind)
        )
    }
}

impl Judged {
    /// Writes into the party's log which case runs, with its numbers.
    pub fn note(&self, task: &TaskContext) {
        task.info(self.to_string());
        if let Some(warning) = &self.warning {
            task.warn(format!("labels: {warning}"));
        }
    }

    /// Rows over which a host knows a sum, at least: of a batch, or of an epoch.
    fn known_rows(&self) -> usize {
        if self.case == Case::Hidden {
            self.rows
        } else {
            smallest(&self.plan)
        }
    }
}

impl std::fmt::Display for Judged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            plan,
            rows,
            columns,
            ..
        } = self;
        let (count, least) = (plan.batches_per_epoch(), smallest(plan));
        match (self.case, plan.batch_size() == *rows) {
            (Case::Unruled, _) => write!(
                f,
                "labels: no rules, {count} batches of at least {least} rows as the job says"
            )?,
            (Case::Named, true) => write!(f, "labels: case (a), one batch of all {rows} rows")?,
            (Case::Named, false) => {
                write!(
                    f,
                    "labels: case (a), {count} batches of at least {least} rows, dealt once and named to hosts"
                )?;
            }
            (Case::Hidden, _) => {
                write!(
                    f,
                    "labels: case (b), {count} batches of at least {least} rows, hidden among all {rows}"
                )?;
            }
        }
        if self.has_dealt_out {
            write!(f, ", over which a smaller last one was dealt out")?;
        }
        let found = found(self.known_rows(), *columns, self.kind);
        write!(
            f,
            "; the hosts have {columns} columns, so that {found} random labels are found by least squares"
        )
    }
}

/// The share of random labels that least squares finds from the sums of `columns` columns over `rows` rows:
/// Phi(1 / sqrt(k - 1)) for k rows a column, and all where there are no more rows than columns.
///
/// A label is seen as itself times 1/k, plus what the others leave of themselves in the same direction, whose
/// variance is (1/k) (1 - 1/k); its sign is right if the sum has it.
#[must_use]
pub fn share_found(rows: usize, columns: usize) -> f64 {
    if rows <= columns {
        return 1.0;
    }
    let more = (rows - columns) as f64 / columns.max(1) as f64;
    if columns == 0 {
        // No column tells nothing, and then half of all guesses are right.
        0.5
    } else {
        normal_below(more.sqrt().recip())
    }
}

/// The share of a standard normal variable below `x`, to 1e-7 (Abramowitz and Stegun 7.1.26).
fn normal_below(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let factors = [
        1.061_405_429,
        -1.453_152_027,
        1.421_413_741,
        -0.284_496_736,
        0.254_829_592,
    ];
    let tail = factors.iter().fold(0.0, |sum, factor| (sum + factor) * t) * (-z * z).exp();
    if x < 0.0 {
        tail / 2.0
    } else {
        1.0 - tail / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use learning::batches::BatchStrategy;

    const STRICT: LabelRules = LabelRules {
        rows_per_column: 12,
        small_table: 200,
        refuses: true,
        malicious_hosts: component_kit::MaliciousHosts::Trust,
    };

    fn settings(batch_size: i64) -> BatchSettings {
        BatchSettings {
            batch_size,
            strategy: BatchStrategy::Full,
            shuffle: true,
            masked_rate: 5.0,
        }
    }

    fn fixed(batch_size: i64) -> BatchSettings {
        BatchSettings {
            shuffle: false,
            masked_rate: 0.0,
            ..settings(batch_size)
        }
    }

    fn case(rows: usize, columns: usize, settings: &BatchSettings) -> Option<(Case, Vec<usize>)> {
        let judged = judge(LabelKind::Classes, (rows, columns), settings, STRICT).ok()?;
        assert_eq!(judged.warning, None);
        Some((judged.case, judged.plan.sizes()))
    }

    #[test]
    fn batches_are_named_only_where_they_stay_and_are_large() {
        assert_eq!(
            case(960, 20, &fixed(240)),
            Some((Case::Named, vec![240; 4]))
        );
        // A row less in each, and they are hidden.
        assert_eq!(
            case(956, 20, &fixed(239)),
            Some((Case::Hidden, vec![239; 4]))
        );
        for changing in [
            BatchSettings {
                shuffle: true,
                ..fixed(240)
            },
            BatchSettings {
                masked_rate: 0.1,
                ..fixed(240)
            },
            BatchSettings {
                strategy: BatchStrategy::Random,
                ..fixed(240)
            },
        ] {
            let judged = judge(LabelKind::Classes, (960, 20), &changing, STRICT).unwrap();
            assert_eq!(
                (judged.case, judged.plan.masked_batch_size()),
                (Case::Hidden, 960),
                "{changing:?}"
            );
        }
        // A hidden partition is never one that a host could know: the order of the table, or one that stays.
        assert!(
            judge(LabelKind::Classes, (956, 20), &fixed(239), STRICT)
                .unwrap()
                .plan
                .is_mutable()
        );
    }

    #[test]
    fn hidden_batches_have_more_members_than_the_hosts_have_columns() {
        assert_eq!(case(1000, 99, &settings(100)).unwrap().0, Case::Hidden);
        assert_eq!(case(1000, 100, &settings(100)), None);
    }

    #[test]
    fn one_batch_of_all_rows_is_known_and_has_twelve_rows_a_column() {
        assert_eq!(case(1000, 83, &settings(-1)).unwrap().0, Case::Named);
        for columns in [84, 199, 999, 1000] {
            let fault = judge(LabelKind::Classes, (1000, columns), &settings(-1), STRICT)
                .unwrap_err()
                .into_fault();
            assert_eq!(
                fault.path.as_deref(),
                Some("labels.rows_per_column"),
                "{columns}"
            );
        }
        // The same where only dealing out the last batch makes it one.
        assert_eq!(case(210, 20, &settings(200)), None);
    }

    #[test]
    fn small_tables_have_twelve_rows_a_column_in_any_case() {
        assert_eq!(case(199, 17, &settings(-1)), None);
        assert_eq!(case(199, 16, &settings(-1)).unwrap().0, Case::Named);
        assert_eq!(case(199, 5, &settings(59)), None);
        assert_eq!(case(199, 5, &settings(60)).unwrap().0, Case::Hidden);
        assert_eq!(case(199, 5, &fixed(59)), None);
        assert_eq!(case(200, 5, &fixed(59)).unwrap().0, Case::Hidden);
        let fault = judge(LabelKind::Classes, (199, 17), &settings(-1), STRICT)
            .unwrap_err()
            .into_fault();
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (ErrorCode::ReleaseRefused, Some("labels.small_table"))
        );
    }

    #[test]
    fn a_last_batch_that_is_too_small_is_dealt_out_and_only_that() {
        // 240 rows are asked of a named batch, 21 of a hidden one.
        assert_eq!(
            case(719, 20, &fixed(240)),
            Some((Case::Named, vec![360, 359]))
        );
        assert_eq!(
            case(320, 20, &settings(100)),
            Some((Case::Hidden, vec![107, 107, 106]))
        );
        assert_eq!(
            case(321, 20, &settings(100)),
            Some((Case::Hidden, vec![100, 100, 100, 21]))
        );
        assert_eq!(
            case(569, 20, &settings(320)),
            Some((Case::Hidden, vec![320, 249]))
        );
        // One batch is left, and is all rows.
        assert_eq!(
            case(330, 20, &settings(320)),
            Some((Case::Named, vec![330]))
        );
        assert_eq!(
            judge(LabelKind::Classes, (1000, 40), &settings(10), STRICT)
                .unwrap_err()
                .into_fault()
                .code,
            ErrorCode::ReleaseRefused
        );
    }

    #[test]
    fn what_is_broken_runs_with_a_warning_if_the_rules_say_so() {
        let warns = LabelRules {
            refuses: false,
            ..STRICT
        };
        let judged = judge(LabelKind::Classes, (600, 40), &settings(10), warns).unwrap();
        assert_eq!(
            (judged.case, judged.plan.masked_batch_size()),
            (Case::Hidden, 600),
            "hidden all the same"
        );
        let warning = judged.warning.as_deref().unwrap();
        assert!(
            warning.contains("at least 41 in a batch") && warning.contains("100 % of labels"),
            "{warning}"
        );
        assert_eq!(
            judge(LabelKind::Classes, (600, 40), &settings(100), warns)
                .unwrap()
                .warning,
            None
        );
    }

    #[test]
    fn without_rules_batches_are_those_of_the_job() {
        let judged = judge(
            LabelKind::Classes,
            (1001, 20),
            &settings(100),
            LabelRules {
                rows_per_column: 0,
                ..STRICT
            },
        )
        .unwrap();
        assert_eq!(
            (judged.case, judged.plan.masked_batch_size()),
            (Case::Unruled, 600)
        );
        assert_eq!(judged.plan.sizes().last(), Some(&1));
        assert!(judged.warning.is_some());
    }

    #[test]
    fn of_numbers_a_share_of_the_variance_remains() {
        let judged = judge(LabelKind::Numbers, (1000, 20), &fixed(-1), STRICT).unwrap();
        assert!(
            judged.to_string().ends_with(
                "so that 2 % of the variance of random labels are found by least squares"
            ),
            "{judged}"
        );
        let fault = judge(LabelKind::Numbers, (1000, 200), &fixed(-1), STRICT)
            .unwrap_err()
            .into_fault();
        assert!(
            fault
                .message
                .ends_with("learns about 20 % of the variance of labels"),
            "{fault}"
        );
        assert_eq!(
            (variance_found(20, 20), variance_found(40, 10)),
            (1.0, 0.25)
        );
    }

    #[test]
    fn the_log_says_the_case_and_what_remains() {
        let line = |rows, settings: &BatchSettings| {
            judge(LabelKind::Classes, (rows, 20), settings, STRICT)
                .unwrap()
                .to_string()
        };
        assert_eq!(
            line(1000, &settings(100)),
            "labels: case (b), 10 batches of at least 100 rows, hidden among all 1000; the hosts have 20 columns, so that \
             56 % of random labels are found by least squares"
        );
        assert!(
            line(720, &fixed(240)).contains(
                "case (a), 3 batches of at least 240 rows, dealt once and named to hosts"
            )
        );
        assert!(
            line(720, &fixed(240)).ends_with("62 % of random labels are found by least squares")
        );
        assert!(line(569, &settings(-1)).contains("case (a), one batch of all 569 rows"));
        assert!(
            line(320, &settings(100))
                .contains("among all 320, over which a smaller last one was dealt out; the hosts")
        );
    }

    #[test]
    fn the_formula_of_what_remains() {
        for (k, percent) in [(12, 62.0), (20, 59.0), (50, 56.0)] {
            assert_eq!((100.0 * share_found(20 * k, 20)).round(), percent);
        }
        assert_eq!((share_found(20, 20), share_found(7, 0)), (1.0, 0.5));
        assert!(
            (normal_below(1.96) - 0.975).abs() < 1e-4
                && (normal_below(-1.0) - 0.158_655).abs() < 1e-6
        );
    }
}
