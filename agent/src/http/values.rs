//! What a parameter's value may be: in words, as a JSON schema, and as a function from text.
//!
//! Pure; times count from a `now` that is given. The three stand beside each other so that they say the same: what the
//! schema allows is read, what it forbids is refused with the words. The surprise: lengths are in characters, as in schemas.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::derived;
use crate::human::{self, HumanError};
use crate::model::UnixMicros;
use crate::rfc3339;
use crate::service::question::{Aggregate, GroupBy, MAX_POINTS, Points};

/// The longest value, or item of a list, in characters.
pub(super) const MAX_CHARS: usize = 512;
/// A duration beyond this is this: longer than anything is kept.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);
/// Digits of milliseconds since 1970 that a time may have: up to the year 33658.
const MAX_MS_DIGITS: usize = 15;
/// Digits on either side of the point that a duration may have.
const MAX_DURATION_DIGITS: usize = 9;

/// What a value may be.
#[derive(Debug)]
pub(super) enum Values {
    /// Any text.
    Text,
    /// A name, which is not empty.
    Name,
    /// Names, separated by commas; the parameter may be repeated.
    Names {
        /// So many at most.
        at_most: usize,
    },
    /// A metric's name.
    Metric,
    /// The same, several of them, separated by commas; the parameter may be repeated.
    Metrics {
        /// So many at most.
        at_most: usize,
    },
    /// A whole number, both bounds included.
    Number { least: usize, most: usize },
    /// One of these words.
    OneOf(fn() -> Vec<&'static str>),
    /// Some of these words, separated by commas.
    SomeOf(fn() -> Vec<&'static str>),
    /// Pairs of label and value.
    Labels,
    /// Pairs of a study's parameter and a number.
    Settings,
    /// A moment.
    Time,
    /// How long a range is, or `all`.
    Length,
    /// How exact series are.
    Points,
    /// How several series become one.
    Aggregate,
    /// Which containers belong together.
    Group,
}

/// What the definition of a metric's name is called.
pub(super) const METRIC_NAME: &str = "MetricName";

const SETTING: &str = "[a-z_]+:[0-9]{1,12}(\\.[0-9]{1,12})?";
const QUANTILE: &str = "quantile:(0(\\.[0-9]{1,6})?|1(\\.0{1,6})?)";

/// The schema of a metric's name, which is defined once.
fn metric() -> Value {
    json!({ "$ref": format!("#/components/schemas/{METRIC_NAME}") })
}

/// The definition: the names in the catalogue, or an older one, which is valid too where it is known.
pub(super) fn metric_name() -> Value {
    let names: Vec<&str> = derived::all().iter().map(|spec| spec.name.as_str()).collect();
    let other = json!({ "type": "string", "pattern": format!("^[^,]{{1,{MAX_CHARS}}}$") });
    json!({ "description": "A name in `/api/metrics`, or an older one", "anyOf": [{ "type": "string", "enum": names }, other] })
}

impl Values {
    /// So many names at most, where this is a list of names.
    pub(super) fn most_names(&self) -> Option<usize> {
        match self {
            Self::Names { at_most } | Self::Metrics { at_most } => Some(*at_most),
            _ => None,
        }
    }

    /// What is valid, to follow "it is".
    pub(super) fn words(&self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Name | Self::Metric => "a name".to_owned(),
            Self::Names { at_most } | Self::Metrics { at_most } => {
                format!("up to {at_most} names, separated by commas or in a parameter each")
            }
            Self::Number { least, most } => format!("a number from {least} to {most}"),
            Self::OneOf(words) => format!("one of {}", words().join(", ")),
            Self::SomeOf(words) => format!("one or more of {}, separated by commas", words().join(", ")),
            Self::Settings => "NAME:NUMBER, or several of them separated by commas".to_owned(),
            Self::Labels => "KEY:VALUE, or several of them separated by commas".to_owned(),
            Self::Time => {
                "a time like 2026-11-23T04:00:00Z, milliseconds since 1970, now, or -15m for 15 minutes ago".to_owned()
            }
            Self::Length => "a duration like 15m, 6h, 1d or 1w, or all".to_owned(),
            Self::Points => format!("a number from 1 to {MAX_POINTS}, or all"),
            Self::Aggregate => {
                "one of sum, max, min, mean, p50, p95, p99, or a quantile from 0 to 1 like quantile:0.9".to_owned()
            }
            Self::Group => "one of all, pod, namespace, workload, node, or a label like label:app".to_owned(),
        }
    }

    /// The same as a JSON schema.
    pub(super) fn schema(&self) -> Value {
        let pattern = |pattern: &str| json!({ "type": "string", "pattern": format!("^({pattern})$") });
        match self {
            Self::Text => json!({ "type": "string", "maxLength": MAX_CHARS }),
            Self::Name => json!({ "type": "string", "minLength": 1, "maxLength": MAX_CHARS }),
            Self::Names { at_most } => {
                let item = json!({ "type": "string", "pattern": format!("^[^,]{{1,{MAX_CHARS}}}$") });
                json!({ "type": "array", "items": item, "minItems": 1, "maxItems": at_most })
            }
            Self::Metric => metric(),
            Self::Metrics { at_most } => {
                json!({ "type": "array", "items": metric(), "minItems": 1, "maxItems": at_most })
            }
            Self::Number { least, most } => json!({ "type": "integer", "minimum": least, "maximum": most }),
            Self::OneOf(words) => json!({ "type": "string", "enum": words() }),
            Self::SomeOf(words) => {
                let word = words().join("|");
                pattern(&format!("({word})(,({word})){{0,{}}}", words().len()))
            }
            Self::Settings => pattern(&format!("{SETTING}(,{SETTING})*")),
            Self::Labels => pattern("[^:,]+:[^,]*(,[^:,]+:[^,]*)*"),
            Self::Time => {
                let ms = format!("[0-9]{{1,{MAX_MS_DIGITS}}}");
                let relative = pattern(&format!("now|{ms}|-{}", duration_pattern()));
                json!({ "anyOf": [{ "type": "string", "format": "date-time" }, relative] })
            }
            Self::Length => pattern(&format!("all|{}", duration_pattern())),
            Self::Points => {
                json!({ "anyOf": [{ "type": "integer", "minimum": 1, "maximum": MAX_POINTS }, { "const": "all" }] })
            }
            Self::Aggregate => pattern(&format!("sum|max|min|mean|p50|p95|p99|{QUANTILE}")),
            Self::Group => pattern("all|pod|namespace|workload|node|label:[^:,]+"),
        }
    }
}

fn duration_pattern() -> String {
    let mut units = String::new();
    for (unit, _) in human::DURATION_UNITS.iter().filter(|(unit, _)| !unit.is_empty()) {
        let _ = write!(units, "{}{unit}", if units.is_empty() { "" } else { "|" });
    }
    let digits = format!("[0-9]{{1,{MAX_DURATION_DIGITS}}}");
    format!("{digits}(\\.{digits})?({units})?")
}

/// A whole number, in digits alone.
pub(super) fn number(text: &str) -> Option<usize> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// `KEY:VALUE` pairs, separated by commas; a key has no colon, a value may be empty.
pub(super) fn labels(text: &str) -> Option<Vec<(String, String)>> {
    let pair = |text: &str| {
        let (key, value) = text.split_once(':')?;
        (!key.is_empty()).then(|| (key.to_owned(), value.to_owned()))
    };
    text.split(',').map(pair).collect()
}

/// Pairs of name and number.
pub(super) fn settings(text: &str) -> Option<Vec<(String, f64)>> {
    let is_digits = |text: &str| !text.is_empty() && text.len() <= 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let setting = |text: &str| {
        let (name, number) = text.split_once(':')?;
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        (is_name && is_digits(whole) && is_digits(part)).then(|| Some((name.to_owned(), number.parse().ok()?)))?
    };
    text.split(',').map(setting).collect()
}

/// A time: RFC 3339, milliseconds since 1970, `now`, or relative to now like `-15m`.
pub(super) fn time(text: &str, now: UnixMicros) -> Option<UnixMicros> {
    if let Some(ago) = text.strip_prefix('-') {
        return duration(ago).map(|usec| now.saturating_sub(usec));
    }
    if text == "now" {
        return Some(now);
    }
    let digits = text.len() <= MAX_MS_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse::<i64>().ok().map(|ms| ms.saturating_mul(1000)) } else { rfc3339::parse(text) }
}

/// The length of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// So many microseconds.
    Usec(i64),
    /// Everything that is recorded.
    All,
}

/// A duration, or `all`.
pub(super) fn length(text: &str) -> Option<Length> {
    if text == "all" { Some(Length::All) } else { duration(text).map(Length::Usec) }
}

/// A duration in microseconds; one that is longer than anything is kept is cut there.
fn duration(text: &str) -> Option<i64> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let is_short = number.split('.').all(|digits| digits.len() <= MAX_DURATION_DIGITS);
    let has_space = text.contains(char::is_whitespace);
    let found = match human::parse_duration(text) {
        _ if has_space || !is_short => return None,
        Ok(duration) => duration.min(LONGEST),
        Err(HumanError::TooLarge) => LONGEST,
        Err(_) => return None,
    };
    i64::try_from(found.as_micros()).ok()
}

/// How exact series are.
pub(super) fn points(text: &str) -> Option<Points> {
    match text {
        "all" => Some(Points::All),
        _ => number(text).filter(|points| (1..=MAX_POINTS).contains(points)).map(Points::AtMost),
    }
}

/// How several series become one.
pub(super) fn aggregate(text: &str) -> Option<Aggregate> {
    match text {
        "sum" => Some(Aggregate::Sum),
        "max" => Some(Aggregate::Max),
        "min" => Some(Aggregate::Min),
        "mean" => Some(Aggregate::Mean),
        "p50" => Some(Aggregate::Quantile(0.5)),
        "p95" => Some(Aggregate::Quantile(0.95)),
        "p99" => Some(Aggregate::Quantile(0.99)),
        _ => text.strip_prefix("quantile:").and_then(share).map(Aggregate::Quantile),
    }
}

/// A number from 0 to 1 with up to six decimals.
fn share(text: &str) -> Option<f64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let are_decimals = (1..=6).contains(&decimals.len()) && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let is_share = are_decimals && (whole == "0" || whole == "1");
    text.parse::<f64>().ok().filter(|share| is_share && *share <= 1.0)
}

/// Which containers belong together.
pub(super) fn group(text: &str) -> Option<GroupBy> {
    match text {
        "all" => Some(GroupBy::All),
        "pod" => Some(GroupBy::Pod),
        "namespace" => Some(GroupBy::Namespace),
        "workload" => Some(GroupBy::Workload),
        "node" => Some(GroupBy::Node),
        _ => {
            let key = text.strip_prefix("label:")?;
            (!key.is_empty() && !key.contains([':', ','])).then(|| GroupBy::Label(key.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: UnixMicros = 1_795_406_400_000_000;
    const MINUTE: i64 = 60_000_000;

    #[test]
    fn times_in_every_form() {
        for at in ["2026-11-23T04:00:00Z", "2026-11-23T05:00:00+01:00", "1795406400000", "now", "-0s"] {
            assert_eq!(time(at, NOW), Some(NOW), "{at}");
        }
        assert_eq!(time("-15m", NOW), Some(NOW - 15 * MINUTE));
        assert_eq!(time("-1.5h", NOW), Some(NOW - 90 * MINUTE));
        assert_eq!(time("-1w", NOW), Some(NOW - 7 * 24 * 60 * MINUTE));
        for none in ["", "-", "--1h", "yesterday", "1h", "+5", "1795406400000000", "- 1h", "-1 h", "2026-11-23"] {
            assert_eq!(time(none, NOW), None, "{none}");
        }
    }

    #[test]
    fn lengths_and_how_long_they_can_be() {
        assert_eq!(length("all"), Some(Length::All));
        assert_eq!(length("1d"), Some(Length::Usec(24 * 60 * MINUTE)));
        assert_eq!(length("90"), Some(Length::Usec(90_000_000)));
        assert_eq!(length("999999999w"), Some(Length::Usec(i64::try_from(LONGEST.as_micros()).unwrap())));
        assert_eq!(["", "-1h", "1 h", "1y", "ALL", "0000000001s"].map(length), [None; 6]);
    }

    #[test]
    fn aggregates_groups_and_points() {
        assert_eq!(aggregate("p95"), Some(Aggregate::Quantile(0.95)));
        assert_eq!(aggregate("quantile:0.9"), Some(Aggregate::Quantile(0.9)));
        assert_eq!(aggregate("quantile:1"), Some(Aggregate::Quantile(1.0)));
        let none =
            ["avg", "", "quantile:", "quantile:1.1", "quantile:.5", "quantile:0.", "quantile:-0", "quantile:nan"];
        assert_eq!(none.map(aggregate), [None; 8]);
        assert_eq!(group("label:app"), Some(GroupBy::Label("app".to_owned())));
        assert_eq!(["label:", "label:a:b", "pods"].map(group), [None, None, None]);
        assert_eq!(points("all"), Some(Points::All));
        assert_eq!(points("10"), Some(Points::AtMost(10)));
        assert_eq!(["0", "10000001", "+1", "1.0", ""].map(points), [None; 5]);
    }

    #[test]
    fn labels_are_pairs() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(labels("a:b,c:"), Some(vec![pair("a", "b"), pair("c", "")]));
        assert_eq!(labels("a:b:c"), Some(vec![pair("a", "b:c")]));
        assert_eq!(["", "a", ":b", "a:b,", "a:b,c"].map(labels), [None, None, None, None, None]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = (labels(&text), time(&text, NOW), length(&text), points(&text), aggregate(&text), group(&text));
        }

        #[test]
        fn durations_of_the_pattern_are_read(whole in "[0-9]{1,9}", decimals in "(\\.[0-9]{1,9})?", unit in "(us|ms|s|m|min|h|d|w)?") {
            let ago = format!("-{whole}{decimals}{unit}");
            prop_assert!(time(&ago, NOW).is_some_and(|at| at <= NOW), "{}", ago);
        }
    }
}
