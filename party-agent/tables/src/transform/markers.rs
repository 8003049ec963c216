//! Texts that stand for "no value", or for an outlier.

use std::collections::HashSet;

/// Texts that stand for something; one that is a number stands for that number however it is written.
pub(crate) struct Markers {
    texts: HashSet<String>,
    numbers: Vec<f64>,
}

impl Markers {
    pub(crate) fn of(texts: &[String]) -> Self {
        let numbers = texts.iter().filter_map(|text| text.trim().parse().ok()).filter(|number: &f64| !number.is_nan());
        Self { numbers: numbers.collect(), texts: texts.iter().cloned().collect() }
    }

    /// Whether a cell is marked; no cell at all always is.
    pub(crate) fn mark(&self, text: Option<&str>) -> bool {
        let Some(text) = text.map(str::trim) else { return true };
        if self.texts.contains(text) {
            return true;
        }
        !self.numbers.is_empty() && text.parse::<f64>().is_ok_and(|number| self.numbers.contains(&number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_numeric_marker_however_it_is_written() {
        let markers = Markers::of(&["-1".to_owned(), "?".to_owned()]);
        assert!(["-1", " -1.0 ", "-1e0", "?"].iter().all(|text| markers.mark(Some(text))));
        assert!(!markers.mark(Some("1")) && !markers.mark(Some("")) && markers.mark(None));
    }
}
