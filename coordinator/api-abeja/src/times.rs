//! How times are written and read.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use vocabulary::Timestamp;

/// A moment with six fractional digits and `Z`.
pub(super) fn time(at: Timestamp) -> String {
    let moment = DateTime::<Utc>::from_timestamp_micros(at.0).unwrap_or_default();
    moment.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// A moment in whole seconds with its zone, as the datalake writes it.
pub(super) fn time_of_file(at: Timestamp) -> String {
    let moment = DateTime::<Utc>::from_timestamp_micros(at.0).unwrap_or_default();
    moment.format("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// A moment as clients write it: with a zone, without one (then it is UTC), or a day.
pub(super) fn read_time(text: &str) -> Option<Timestamp> {
    let zoned = DateTime::parse_from_rfc3339(text).map(|moment| moment.timestamp_micros());
    let plain = || {
        let moment = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
            .into_iter()
            .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        let day = || {
            NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .ok()?
                .and_hms_opt(0, 0, 0)
        };
        moment
            .or_else(day)
            .map(|moment| moment.and_utc().timestamp_micros())
    };
    zoned.ok().or_else(plain).map(Timestamp)
}

/// The first moment of the second in which a moment is.
pub(super) fn second_of(at: Timestamp) -> Timestamp {
    Timestamp(at.0.div_euclid(1_000_000).saturating_mul(1_000_000))
}

/// The last moment of the second in which a moment is.
pub(super) fn end_of_second(at: Timestamp) -> Timestamp {
    Timestamp(second_of(at).0.saturating_add(999_999))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_six_digits_and_reads_what_clients_write() {
        let at = Timestamp(1_577_934_245_000_007);
        assert_eq!(time(at), "2020-01-02T03:04:05.000007Z");
        assert_eq!(time_of_file(at), "2020-01-02T03:04:05+00:00");
        for text in [
            "2020-01-02T03:04:05",
            "2020-01-02 03:04:05",
            "2020-01-02T03:04:05Z",
            "2020-01-02T12:04:05+09:00",
        ] {
            assert_eq!(read_time(text), Some(second_of(at)), "{text}");
        }
        assert_eq!(
            read_time("2020-01-02").map(time),
            Some("2020-01-02T00:00:00.000000Z".to_owned())
        );
        for text in [
            "",
            "now",
            "2020-13-02",
            "2020-01-02T25:00:00",
            "99999999999999999999",
        ] {
            assert_eq!(read_time(text), None, "{text}");
        }
        assert_eq!(end_of_second(at), Timestamp(1_577_934_245_999_999));
        assert_eq!(time(Timestamp(i64::MAX)), "1970-01-01T00:00:00.000000Z");
    }
}
