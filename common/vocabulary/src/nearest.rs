//! The known name that a misspelt one probably meant.

/// Names longer than this are not compared.
const LONGEST: usize = 100;
/// So many characters are enough to mean a name by its beginning.
const LEAST_BEGINNING: usize = 3;

/// The known name nearest to `name`, if one is near enough: at most a third of its characters differ, case aside, or it begins
/// with all of `name`.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let characters: Vec<char> = name.to_lowercase().chars().take(LONGEST + 1).collect();
    if characters.len() > LONGEST {
        return None;
    }
    let scored = known
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| {
            let other: Vec<char> = candidate.to_lowercase().chars().collect();
            (
                distance(&characters, &other),
                candidate,
                other.starts_with(&characters),
            )
        });
    let all: Vec<(usize, &str, bool)> = scored.collect();
    let (distance, best, _) = all.iter().min().copied()?;
    if distance <= (characters.len().max(3) / 3).max(1) {
        return Some(best);
    }
    let begins = all
        .iter()
        .filter(|(.., begins)| *begins && characters.len() >= LEAST_BEGINNING);
    begins.min().map(|(_, longer, _)| *longer)
}

/// The sentence that offers the nearest name, or else lists the first few known ones.
pub fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
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

/// Levenshtein's edit distance; two neighbours that changed places count as one change.
fn distance(a: &[char], b: &[char]) -> usize {
    // Each row begins with the distance from an empty beginning of `b`; `before` is the row above `row`.
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut above: Option<char> = None;
    for (i, left) in a.iter().enumerate() {
        let mut nearest = i + 1;
        let mut next = vec![nearest];
        let mut ahead: Option<char> = None;
        // Two letters back in the row before: there is none at the first letter, where nothing can have changed places.
        let two_back = std::iter::once(&usize::MAX)
            .chain(&before)
            .chain(std::iter::repeat(&usize::MAX));
        for (((right, diagonal), up), swapped) in
            b.iter().zip(&row).zip(row.iter().skip(1)).zip(two_back)
        {
            nearest = (diagonal + usize::from(left != right))
                .min(nearest + 1)
                .min(up + 1);
            if above == Some(*right) && ahead == Some(*left) {
                nearest = nearest.min(swapped.saturating_add(1));
            }
            next.push(nearest);
            ahead = Some(*right);
        }
        above = Some(*left);
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_a_distance() {
        let far = |a: &str, b: &str| {
            let [a, b] = [a, b].map(|text| text.chars().collect::<Vec<char>>());
            assert_eq!(distance(&a, &b), distance(&b, &a));
            distance(&a, &b)
        };
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("ab", "ba", 1),
            ("kitten", "sitting", 3),
            ("abcdef", "badcfe", 3),
            ("hots", "host", 1),
            ("a", "b", 1),
        ] {
            assert_eq!(far(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn offers_a_name_that_is_near() {
        let known = ["HeteroLR", "HomoLR", "Evaluation"];
        assert_eq!(nearest("HetroLR", known), Some("HeteroLR"));
        assert_eq!(nearest("evaluation", known), Some("Evaluation"));
        assert_eq!(nearest("Union", known), None);
        assert_eq!(
            nearest("hots", ["guest", "host"]),
            Some("host"),
            "neighbours that changed places"
        );
        assert_eq!(
            nearest("party", ["role", "party_id"]),
            Some("party_id"),
            "the beginning of a name"
        );
        assert_eq!(nearest("pa", ["role", "party_id"]), None);
        assert_eq!(
            hint("Union", known),
            Some("known here: Evaluation, HeteroLR, HomoLR".to_owned())
        );
    }
}
