//! The demonstration's data: the Wisconsin diagnostic breast cancer set (W. Wolberg, N. Street, O. Mangasarian, UCI Machine
//! Learning Repository 1995, CC BY 4.0; 569 people, 30 features, in `breast_cancer.csv` behind the label), split between two
//! organisations whose people overlap only in part.

use anyhow::{Context, Result};
use learning::initial::Seeded;

/// Label and features of one person in each line.
const SET: &str = include_str!("breast_cancer.csv");

/// Features that the guest has; the host has the others.
pub(crate) const GUEST_FEATURES: usize = 10;
/// People that each organisation knows.
const KNOWN: usize = 520;

/// Two organisations' tables, as text and as numbers.
pub(crate) struct Tables {
    /// The guest's file: id, label, features.
    pub(crate) guest: String,
    /// The host's file: id, features.
    pub(crate) host: String,
    /// The people both know, as the pooled training sees them: features of both, in one row each.
    pub(crate) pooled: Vec<Vec<f64>>,
    /// Their labels.
    pub(crate) labels: Vec<f64>,
}

/// Splits the set.
pub(crate) fn tables() -> Result<Tables> {
    let (labels, features) = read(SET)?;
    let (rows, columns) = (features.len(), features.first().map_or(0, Vec::len));

    // Each organisation knows another part of the people, in another order.
    let mut random = Seeded::new(569);
    let mut known = || {
        let mut people: Vec<usize> = (0..rows).collect();
        random.shuffle(&mut people);
        people.truncate(KNOWN);
        people
    };
    let (guest, host) = (known(), known());
    // Each scales its own columns over the people it knows, as it would at home.
    let guest_rows = scaled(&features, &guest, 0..GUEST_FEATURES);
    let host_rows = scaled(&features, &host, GUEST_FEATURES..columns);
    let mut tables = Tables {
        guest: header("id,y", GUEST_FEATURES),
        host: header("id", columns - GUEST_FEATURES),
        pooled: vec![],
        labels: vec![],
    };
    for (person, values) in guest.iter().zip(&guest_rows) {
        let label = labels.get(*person).copied().unwrap_or_default();
        tables
            .guest
            .push_str(&format!("p{person:04},{label}{}\n", joined(values)));
        if let Some(position) = host.iter().position(|other| other == person) {
            tables.pooled.push(
                [
                    values.as_slice(),
                    host_rows.get(position).map_or(&[][..], Vec::as_slice),
                ]
                .concat(),
            );
            tables.labels.push(label);
        }
    }
    for (person, values) in host.iter().zip(&host_rows) {
        tables
            .host
            .push_str(&format!("p{person:04}{}\n", joined(values)));
    }
    Ok(tables)
}

/// Labels, and features by person.
fn read(set: &str) -> Result<(Vec<f64>, Vec<Vec<f32>>)> {
    let mut people = (Vec::new(), Vec::new());
    for (number, line) in set.lines().enumerate() {
        let numbers: Option<Vec<f32>> = line.split(',').map(|cell| cell.parse().ok()).collect();
        let numbers = numbers
            .with_context(|| format!("line {} of the data set is not of numbers", number + 1))?;
        let (label, features) = numbers
            .split_first()
            .context("a line of the data set is empty")?;
        people.0.push(f64::from(*label));
        people.1.push(features.to_vec());
    }
    Ok(people)
}

fn header(first: &str, features: usize) -> String {
    let names: String = (0..features).map(|number| format!(",x{number}")).collect();
    format!("{first}{names}\n")
}

fn joined(values: &[f64]) -> String {
    values.iter().map(|value| format!(",{value:.6}")).collect()
}

/// The columns of some people, with mean 0 and variance 1, rounded as the files have them.
fn scaled(
    features: &[Vec<f32>],
    people: &[usize],
    columns: std::ops::Range<usize>,
) -> Vec<Vec<f64>> {
    let value = |person: usize, column: usize| {
        features
            .get(person)
            .and_then(|row| row.get(column))
            .map_or(f64::NAN, |&value| f64::from(value))
    };
    let count = people.len() as f64;
    let mut rows = vec![Vec::new(); people.len()];
    for column in columns {
        let mean = people
            .iter()
            .map(|&person| value(person, column))
            .sum::<f64>()
            / count;
        let variance = people
            .iter()
            .map(|&person| (value(person, column) - mean).powi(2))
            .sum::<f64>()
            / count;
        for (row, &person) in rows.iter_mut().zip(people) {
            let scaled = (value(person, column) - mean) / variance.sqrt().max(1e-9);
            row.push((scaled * 1e6).round() / 1e6);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_organisations_share_some_people_but_not_all() {
        let tables = tables().expect("split");
        assert_eq!(tables.guest.lines().count(), KNOWN + 1);
        assert_eq!(tables.host.lines().count(), KNOWN + 1);
        assert!(
            tables.pooled.len() > 400 && tables.pooled.len() < KNOWN,
            "{}",
            tables.pooled.len()
        );
        assert!(
            tables
                .pooled
                .iter()
                .all(|row| row.len() == 30 && row.iter().all(|value| value.is_finite()))
        );
        assert!(tables.labels.contains(&0.0) && tables.labels.contains(&1.0));
    }
}
