//! The known name that a misspelt one probably meant.

/// Names longer than this are not compared.
const LONGEST: usize = 64;

/// The known name nearest to `name`, if one is near enough: at most a third of its letters differ, case aside.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = name.to_lowercase().chars().take(LONGEST + 1).collect();
    if letters.len() > LONGEST {
        return None;
    }
    let scored = known.into_iter().filter(|candidate| candidate.len() <= LONGEST).map(|candidate| {
        let other: Vec<char> = candidate.to_lowercase().chars().collect();
        (distance(&letters, &other), candidate)
    });
    let (distance, best) = scored.min()?;
    (distance <= (letters.len().max(3) / 3).max(1)).then_some(best)
}

/// The sentence that offers the nearest name, or else lists the first few known ones.
pub(crate) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    if let Some(best) = nearest(name, known.clone()) {
        return Some(format!("did you mean {best}?"));
    }
    let mut list: Vec<&str> = known.into_iter().collect();
    list.sort_unstable();
    list.dedup();
    let more = if list.len() > 30 { ", …" } else { "" };
    list.truncate(30);
    (!list.is_empty()).then(|| format!("known here: {}{more}", list.join(", ")))
}

/// Levenshtein's edit distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, right) in b.iter().enumerate() {
            let change = row.get(j).copied().unwrap_or_default() + usize::from(left != right);
            let insert = next.get(j).copied().unwrap_or_default() + 1;
            let delete = row.get(j + 1).copied().unwrap_or_default() + 1;
            next.push(change.min(insert).min(delete));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_a_name_that_is_near() {
        let known = ["HeteroLR", "HomoLR", "Evaluation"];
        assert_eq!(nearest("HetroLR", known), Some("HeteroLR"));
        assert_eq!(nearest("evaluation", known), Some("Evaluation"));
        assert_eq!(nearest("Union", known), None);
        assert_eq!(hint("Union", known), Some("known here: Evaluation, HeteroLR, HomoLR".to_owned()));
    }
}
