//! Parsers of settings, for clap's `value_parser`: what they refuse, they say how to write instead.

use std::time::Duration;

/// `500ms`, `10s` or `5m`, at least a millisecond.
///
/// # Errors
/// The text is anything else; says what to use.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    const USE: &str = "use a whole number and a unit, such as 500ms, 10s or 5m";
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number = number.parse::<u32>().ok().filter(|n| *n > 0).ok_or(USE)?;
    match unit {
        "ms" => Ok(Duration::from_millis(number.into())),
        "s" => Ok(Duration::from_secs(number.into())),
        "m" => Ok(Duration::from_mins(number.into())),
        _ => Err(USE),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::duration;

    #[test]
    fn a_duration_has_a_whole_number_and_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("5m"), Ok(Duration::from_mins(5)));
        for text in ["", "10", "0s", "s", "-1s", "1.5s", "1h", "10 s", "99999999999s"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }
}
