//! How often, at which hours and until when this party works with others.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

use crate::cap::Cap;

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 1_440 * MINUTE;

/// How often, at which hours and until when. Everything is UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitRules {
    /// Jobs that are accepted in a day of one other party.
    pub jobs_per_day: Cap,
    /// Trainings among them: steps that train a model.
    pub trainings_per_day: Cap,
    /// Ids of online predictions in a day.
    pub online_ids_per_day: Cap,
    /// Hours in which jobs with others are accepted and go on.
    pub hours: Vec<Hours>,
    /// The last day on which they are.
    pub until: Until,
}

impl Default for LimitRules {
    fn default() -> Self {
        Self {
            jobs_per_day: Cap::at(100),
            trainings_per_day: Cap::at(20),
            online_ids_per_day: Cap::at(100),
            hours: vec![Hours { from: 0, to: 1_440 }],
            until: Until(None),
        }
    }
}

/// Which versions of models are applied, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelRules {
    /// Versions that may be applied by those who trained them together.
    pub versions: Vec<String>,
    /// How often in a day jobs of one other party may apply one version.
    pub uses_per_day: Cap,
}

impl Default for ModelRules {
    fn default() -> Self {
        Self {
            versions: vec!["*".to_owned()],
            uses_per_day: Cap::at(100),
        }
    }
}

/// A part of the day, in minutes from midnight; one that ends before it begins goes over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hours {
    from: u16,
    to: u16,
}

impl Hours {
    /// Whether a moment lies in it.
    pub fn has(self, now: Timestamp) -> bool {
        // Euclidean, so that moments before 1970 fall into the right minute, too.
        let minute = now.0.div_euclid(MINUTE).rem_euclid(1_440);
        let (from, to) = (i64::from(self.from), i64::from(self.to));
        if from <= to {
            (from..to).contains(&minute)
        } else {
            minute >= from || minute < to
        }
    }
}

impl TryFrom<String> for Hours {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a part of a day such as \"08:00-18:00\" (UTC)");
        let minutes = |text: &str| {
            let (hours, minutes) = text.trim().split_once(':')?;
            let two = |text: &str| {
                // `parse` alone would take "+8".
                (text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_digit()))
                    .then(|| text.parse::<u16>().ok())
                    .flatten()
            };
            let (hours, minutes) = (two(hours)?, two(minutes)?);
            (minutes < 60 && (hours < 24 || (hours, minutes) == (24, 0)))
                .then_some(hours * 60 + minutes)
        };
        let (from, to) = text.split_once('-').ok_or_else(wrong)?;
        let (from, to) = minutes(from).zip(minutes(to)).ok_or_else(wrong)?;
        // Whether 08:00-08:00 means never or always is anybody's guess: it is refused.
        if from == to || from == 1_440 {
            Err(wrong())
        } else {
            Ok(Self { from, to })
        }
    }
}

impl From<Hours> for String {
    fn from(hours: Hours) -> Self {
        hours.to_string()
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            from / 60,
            from % 60,
            to / 60,
            to % 60
        )
    }
}

/// A last day, or none. The number counts days from the beginning of 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Until(Option<i64>);

impl Until {
    /// Whether a moment lies behind the last day.
    pub fn is_over(self, now: Timestamp) -> bool {
        self.0.is_some_and(|last| now.0.div_euclid(DAY) > last)
    }

    /// Whether there is a last day.
    pub fn is_set(self) -> bool {
        self.0.is_some()
    }
}

impl FromStr for Until {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self(None));
        }
        let number = |part: Option<&str>, length: usize| {
            let part = part.filter(|part| {
                part.len() == length && part.bytes().all(|digit| digit.is_ascii_digit())
            })?;
            part.parse::<i64>().ok()
        };
        let mut parts = text.split('-');
        let read = (|| {
            let date = (
                number(parts.next(), 4)?,
                number(parts.next(), 2)?,
                number(parts.next(), 2)?,
            );
            let last = days(date);
            // A day that a month does not have comes back as another.
            (parts.next().is_none() && date_of(last) == date).then_some(last)
        })();
        read.map(|last| Self(Some(last))).ok_or_else(|| {
            format!("{text:?} is neither a day such as \"2027-03-31\" nor \"never\"")
        })
    }
}

impl TryFrom<String> for Until {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Until> for String {
    fn from(until: Until) -> Self {
        until.to_string()
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(last) = self.0 else {
            return f.write_str("never");
        };
        let (year, month, day) = date_of(last);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// Days from the beginning of 1970 to a date of the Gregorian calendar. Years begin in March here, so that the day that some
/// of them have more is the last one.
fn days((year, month, day): (i64, i64, i64)) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64, hour: i64, minute: i64) -> Timestamp {
        Timestamp(day * DAY + (hour * 60 + minute) * MINUTE)
    }

    #[test]
    fn hours_are_parts_of_a_day_and_may_go_over_midnight() {
        let hours = |text: &str| Hours::try_from(text.to_owned());
        let day = hours("08:00-18:30").expect("hours");
        assert!(
            day.has(at(3, 8, 0))
                && day.has(at(3, 18, 29))
                && !day.has(at(3, 18, 30))
                && !day.has(at(3, 7, 59))
        );
        let night = hours("22:00-06:00").expect("hours");
        assert!(
            night.has(at(3, 23, 0))
                && night.has(at(3, 5, 59))
                && !night.has(at(3, 6, 0))
                && !night.has(at(3, 12, 0))
        );
        let all = hours("00:00-24:00").expect("hours");
        assert!(all.has(at(3, 0, 0)) && all.has(at(3, 23, 59)));
        for text in ["08:00-18:30", "22:00-06:00", "00:00-24:00"] {
            assert_eq!(hours(text).expect("hours").to_string(), text);
        }
        for wrong in [
            "",
            "8:00-18:00",
            "08:00",
            "08:00-08:00",
            "08:60-09:00",
            "25:00-26:00",
            "24:00-01:00",
            "24:01-01:00",
            "a-b",
        ] {
            assert!(hours(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_last_day_counts_whole() {
        let until: Until = "1970-01-11".parse().expect("a day");
        assert!(!until.is_over(at(10, 23, 59)) && until.is_over(at(11, 0, 0)));
        assert!(
            !"never"
                .parse::<Until>()
                .expect("never")
                .is_over(Timestamp(i64::MAX))
        );
        for day in [
            "1970-01-01",
            "2000-02-29",
            "2026-12-01",
            "2027-03-31",
            "2100-03-01",
            "9999-12-31",
        ] {
            assert_eq!(day.parse::<Until>().expect("a day").to_string(), day);
        }
        // 20,788 days lie between the beginning of 1970 and this one.
        assert_eq!(
            "2026-12-01".parse::<Until>().expect("a day"),
            Until(Some(20_788))
        );
        for wrong in [
            "",
            "2026-02-29",
            "2100-02-29",
            "2026-13-01",
            "2026-1-1",
            "2026-12-01-01",
            "26-12-01",
            "tomorrow",
        ] {
            assert!(wrong.parse::<Until>().is_err(), "{wrong}");
        }
    }
}
