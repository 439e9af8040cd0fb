//! Kubernetes quantities, text to numbers: `250m` cores, `128Mi` bytes.
//!
//! Pure. The surprise: `m` is a thousandth and `M` a million, and both are valid for bytes.

/// Thousandths of a core, rounded up; `None` where the text is no quantity.
#[must_use]
pub fn millicores(text: &str) -> Option<u64> {
    whole(amount(text)? * 1e3)
}

/// Bytes, rounded up; `None` where the text is no quantity.
#[must_use]
pub fn bytes(text: &str) -> Option<u64> {
    whole(amount(text)?)
}

const SUFFIXES: [(&str, f64); 16] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
    ("", 1.0),
];

fn amount(text: &str) -> Option<f64> {
    let (digits, factor) =
        SUFFIXES.into_iter().find_map(|(suffix, factor)| text.strip_suffix(suffix).map(|rest| (rest, factor)))?;
    // What `f64` reads beyond this grammar ("inf", "nan") is no quantity.
    let is_number = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'+' | b'-' | b'e' | b'E'));
    let number: f64 = digits.parse().ok().filter(|_| is_number)?;
    (number >= 0.0).then_some(number * factor)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be within the range")]
fn whole(number: f64) -> Option<u64> {
    // Decimal fractions are not exact in binary: what is a whole number but for that is not rounded up.
    let nearest = number.round();
    let rounded = if (number - nearest).abs() <= number.abs() * 1e-12 { nearest } else { number.ceil() };
    (0.0..=9.2e18).contains(&rounded).then_some(rounded as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cores_are_read_in_every_form() {
        for (text, expected) in [
            ("250m", Some(250)),
            ("0.1", Some(100)),
            ("2", Some(2000)),
            ("1e3", Some(1_000_000)),
            ("100u", Some(1)),
            ("1500000n", Some(2)),
            ("0", Some(0)),
        ] {
            assert_eq!(millicores(text), expected, "{text}");
        }
    }

    #[test]
    fn bytes_are_read_in_every_form() {
        for (text, expected) in [
            ("128Mi", Some(134_217_728)),
            ("1.5Gi", Some(1_610_612_736)),
            ("64M", Some(64_000_000)),
            ("1E", Some(1_000_000_000_000_000_000)),
            ("129e6", Some(129_000_000)),
            ("128974848000m", Some(128_974_848)),
            ("4096", Some(4096)),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_none() {
        for text in ["", "m", "Mi", "-1", "inf", "nan", "1 Mi", "1e400", "12MiB", "0x10"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = (millicores(&text), bytes(&text));
        }
    }
}
