//! Quantities as Kubernetes writes them: a decimal number with a suffix, of which only some name powers of two.
//! <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>

/// Thousandths, so that `40m` of a CPU and `0.5Gi` of memory are whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Quantity(u128);

impl Quantity {
    /// `None` for what is no quantity, for a negative one, and for one beyond 2^100.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let number = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, suffix) = text.split_at(number);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        let digits = format!("{whole}{fraction}").parse::<u128>().ok()?;
        let scale = i32::try_from(fraction.len()).ok()?;
        let thousandths = match suffix {
            "" => scaled(digits, 3 - scale),
            "m" => scaled(digits, -scale),
            "k" => scaled(digits, 6 - scale),
            "M" => scaled(digits, 9 - scale),
            "G" => scaled(digits, 12 - scale),
            "T" => scaled(digits, 15 - scale),
            "P" => scaled(digits, 18 - scale),
            "E" => scaled(digits, 21 - scale),
            "Ki" => scaled(digits.checked_mul(1 << 10)?, 3 - scale),
            "Mi" => scaled(digits.checked_mul(1 << 20)?, 3 - scale),
            "Gi" => scaled(digits.checked_mul(1 << 30)?, 3 - scale),
            "Ti" => scaled(digits.checked_mul(1 << 40)?, 3 - scale),
            "Pi" => scaled(digits.checked_mul(1 << 50)?, 3 - scale),
            "Ei" => scaled(digits.checked_mul(1 << 60)?, 3 - scale),
            exponent => {
                let exponent = exponent.strip_prefix(['e', 'E'])?.parse::<i16>().ok()?;
                scaled(digits, 3 - scale + i32::from(exponent))
            }
        };
        thousandths.filter(|thousandths| *thousandths < 1 << 100).map(Self)
    }

    /// Whole units, rounded up.
    pub(super) fn units(self) -> u64 {
        u64::try_from(self.0.div_ceil(1000)).unwrap_or(u64::MAX)
    }
}

/// Times ten to the power of `exponent`, rounded up.
fn scaled(digits: u128, exponent: i32) -> Option<u128> {
    let power = 10_u128.checked_pow(exponent.unsigned_abs());
    match power {
        Some(power) if exponent >= 0 => digits.checked_mul(power),
        Some(power) => Some(digits.div_ceil(power)),
        // Too large to be used, or as good as nothing.
        None => (exponent < 0).then(|| u128::from(digits > 0)),
    }
}

/// Whether `a` is less than `b`; what is no quantity is not.
pub(super) fn is_less(a: &str, b: &str) -> bool {
    matches!((Quantity::parse(a), Quantity::parse(b)), (Some(a), Some(b)) if a < b)
}

#[cfg(test)]
mod tests {
    use super::{Quantity, is_less};

    fn units(text: &str) -> Option<u64> {
        Quantity::parse(text).map(Quantity::units)
    }

    #[test]
    fn binary_and_decimal_suffixes_are_told_apart() {
        let mebibytes = |n: u64| Some(n << 20);
        for (text, expected) in [
            ("512Mi", mebibytes(512)),
            ("0.5Gi", mebibytes(512)),
            ("1.5Gi", mebibytes(1536)),
            (".5Gi", mebibytes(512)),
            ("2.Gi", mebibytes(2048)),
            ("2G", Some(2_000_000_000)),
            ("262144k", Some(262_144_000)),
            ("1e9", Some(1_000_000_000)),
            ("12E6", Some(12_000_000)),
            ("15E-1", Some(2)),
            ("100", Some(100)),
            ("1Ei", Some(1 << 60)),
            ("100m", Some(1)),
            ("0", Some(0)),
        ] {
            assert_eq!(units(text), expected, "{text}");
        }
    }

    #[test]
    fn what_kubernetes_refuses_is_no_quantity() {
        for text in
            ["", ".", "Mi", "262144K", "1 Gi", "1GiB", "1.2.3", "-1", "+1", "0x10", "1e", "1e+", "NaN", "1kk"]
        {
            assert_eq!(units(text), None, "{text}");
        }
        assert_eq!(units("99999999999999999999Ei"), None);
        assert_eq!(units("1e40"), None);
    }

    #[test]
    fn amounts_of_a_cpu_are_compared_by_their_value() {
        assert!(
            is_less("40m", "50m") && is_less("40m", ".05") && is_less("0.04", "50m") && is_less("1e-3", "2m")
        );
        assert!(!is_less("1", "1000m") && !is_less("1k", "1") && !is_less("x", "1"));
    }
}
