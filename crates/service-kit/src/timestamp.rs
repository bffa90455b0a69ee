//! Points in time as JSON has them: RFC 3339 in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY_MS: i64 = 86_400_000;

/// `2023-11-14T22:13:20.123Z` for Unix milliseconds.
#[must_use]
pub fn rfc3339_millis(unix_ms: i64) -> String {
    format!("{}.{:03}Z", date_and_time(unix_ms), unix_ms.rem_euclid(1000))
}

/// `2023-11-14T22:13:20Z`. A time before 1970 is shown as the start of 1970.
#[must_use]
pub fn rfc3339_seconds(time: SystemTime) -> String {
    format!("{}Z", date_and_time(unix_ms(time)))
}

/// In Unix milliseconds; 0 for a time before 1970.
#[must_use]
pub fn unix_ms(time: SystemTime) -> i64 {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// `2023-11-14T22:13:20`, a fraction of a second cut off.
fn date_and_time(unix_ms: i64) -> String {
    let days = unix_ms.div_euclid(DAY_MS);
    let in_day = unix_ms.rem_euclid(DAY_MS);
    let (year, month, day) = date(days);
    let hour = in_day / 3_600_000;
    let minute = in_day / 60_000 % 60;
    let second = in_day / 1000 % 60;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// Year, month and day of a day since 1970 in the Gregorian calendar. Years begin in March here, so that the leap day is
/// their last.
fn date(days: i64) -> (i64, i64, i64) {
    const ERA_DAYS: i64 = 146_097; // 400 years
    let since_march_0000 = days + 719_468;
    let era = since_march_0000.div_euclid(ERA_DAYS);
    let day = since_march_0000.rem_euclid(ERA_DAYS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{rfc3339_millis, rfc3339_seconds};

    /// Computed by JavaScript's `new Date(ms).toISOString()`.
    #[test]
    fn times_are_those_of_javascript() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339_millis(ms), text);
        }
    }

    #[test]
    fn seconds_leave_the_fraction_out() {
        let time = UNIX_EPOCH + Duration::from_millis(1_700_000_000_999);
        assert_eq!(rfc3339_seconds(time), "2023-11-14T22:13:20Z");
        assert_eq!(rfc3339_seconds(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00Z");
    }
}
