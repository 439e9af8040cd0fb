//! Series as columnar JSON: what `reply.rs` describes as `SeriesReply`, written by hand because there may be millions of points.
//!
//! Times are whole milliseconds, gaps are null, whole numbers have no `.0`. The surprise: the answer is taken apart while it is
//! written, so that a large one is in memory once and a half, not twice.

use std::collections::BTreeMap;

use crate::model::UnixMicros;
use crate::service::question::{Buckets, Mark, Series, SeriesAnswer, SeriesData};

/// How many bytes a number or a time takes, rather too many: growing costs more than address space.
const BYTES_PER_NUMBER: usize = 18;
/// Whole numbers up to this are written as such; every one of them is exact.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// The answer as JSON.
#[must_use]
pub fn write(answer: SeriesAnswer) -> Vec<u8> {
    let numbers: usize = answer.series.iter().map(|series| numbers_of(&series.data)).sum();
    let mut out = Vec::with_capacity(numbers * BYTES_PER_NUMBER + answer.series.len() * 512 + 256);
    out.extend_from_slice(b"{\"from\":");
    time(&mut out, answer.range.from);
    out.extend_from_slice(b",\"to\":");
    time(&mut out, answer.range.to);
    out.extend_from_slice(b",\"series\":");
    list(&mut out, answer.series, series);
    out.extend_from_slice(b",\"notes\":");
    list(&mut out, answer.notes, |out, note| text(out, &note));
    out.push(b'}');
    out
}

fn numbers_of(data: &SeriesData) -> usize {
    match data {
        SeriesData::Exact { times, .. } => times.len() * 2,
        SeriesData::Buckets(buckets) => buckets.times.len() * 5,
    }
}

fn series(out: &mut Vec<u8>, series: Series) {
    out.extend_from_slice(b"{\"metric\":");
    text(out, &series.metric);
    out.extend_from_slice(b",\"unit\":");
    text(out, series.unit);
    names(out, &series.labels);
    match series.data {
        SeriesData::Exact { times, values } => {
            out.extend_from_slice(b",\"resolution\":\"raw\"");
            write_times(out, &times);
            column(out, "v", &values, number);
        }
        SeriesData::Buckets(buckets) => write_buckets(out, &buckets),
    }
    if !series.marks.is_empty() {
        out.extend_from_slice(b",\"marks\":");
        list(out, series.marks, mark);
    }
    out.push(b'}');
}

/// Who it is; the container's id is `container`, so its name in its pod is `container_name`.
fn names(out: &mut Vec<u8>, labels: &BTreeMap<&'static str, String>) {
    for (label, value) in labels {
        out.push(b',');
        text(out, shown_as(label));
        out.push(b':');
        text(out, value);
    }
}

/// The name in replies of a label of the service.
pub(super) fn shown_as(label: &'static str) -> &'static str {
    match label {
        "container_id" => "container",
        "container" => "container_name",
        other => other,
    }
}

fn write_buckets(out: &mut Vec<u8>, buckets: &Buckets) {
    let resolution = resolution_of(buckets);
    out.extend_from_slice(b",\"resolution\":");
    text(out, resolution);
    out.extend_from_slice(b",\"width_ms\":");
    number(out, width_ms(buckets));
    write_times(out, &buckets.times);
    for (name, values) in
        [("min", &buckets.min), ("max", &buckets.max), ("mean", &buckets.mean), ("last", &buckets.last)]
    {
        column(out, name, values, number);
    }
}

/// What buckets are made of, in a word.
pub(super) fn resolution_of(buckets: &Buckets) -> &'static str {
    if buckets.from_rollups { "60s" } else { "bucket" }
}

/// How wide a bucket is, in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "a width beyond 2^53 us is longer than anything is kept")]
pub(super) fn width_ms(buckets: &Buckets) -> f64 {
    buckets.width_usec as f64 / 1000.0
}

fn mark(out: &mut Vec<u8>, mark: Mark) {
    out.extend_from_slice(b"{\"t\":");
    time(out, mark.time);
    out.extend_from_slice(b",\"container\":");
    text(out, &mark.container_id);
    out.push(b'}');
}

fn list<T>(out: &mut Vec<u8>, items: Vec<T>, item: impl Fn(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (index, it) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        item(out, it);
    }
    out.push(b']');
}

fn column<T: Copy>(out: &mut Vec<u8>, name: &str, values: &[T], mut value: impl FnMut(&mut Vec<u8>, T)) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":[");
    for &it in values {
        value(out, it);
        out.push(b',');
    }
    if !values.is_empty() {
        out.pop();
    }
    out.push(b']');
}

fn write_times(out: &mut Vec<u8>, times: &[UnixMicros]) {
    column(out, "t", times, time);
}

fn time(out: &mut Vec<u8>, time: UnixMicros) {
    out.extend_from_slice(itoa::Buffer::new().format(milliseconds(time)).as_bytes());
}

/// A time in whole milliseconds.
pub(super) fn milliseconds(time: UnixMicros) -> i64 {
    time.div_euclid(1000)
}

fn number(out: &mut Vec<u8>, value: f64) {
    if let Some(whole) = whole(value) {
        out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
    } else if value.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}

/// The value as an integer where it is one.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "within 2^53, and compared again")]
pub(super) fn whole(value: f64) -> Option<i64> {
    // A NaN and what is no whole number differ from what they are cast to.
    let cast = value as i64;
    (value.abs() <= LARGEST_WHOLE && cast as f64 == value).then_some(cast)
}

fn text(out: &mut Vec<u8>, text: &str) {
    // Texts are few and short; serde_json knows what must be escaped. Writing to a Vec cannot fail.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::http::reply::SeriesReply;
    use crate::service::question::TimeRange;

    fn one(data: SeriesData) -> SeriesAnswer {
        let labels = [("container_id", "ab\"c"), ("container", "server"), ("pod", "p\n")];
        let series = Series {
            metric: "cpu_usage_cores".to_owned(),
            unit: "cores",
            labels: labels.map(|(name, value)| (name, value.to_owned())).into(),
            data,
            marks: vec![Mark { time: 1_500, container_id: "x".to_owned() }],
        };
        let range = TimeRange { from: -1, to: 2_000_000 };
        SeriesAnswer { range, series: vec![series], notes: vec!["one \u{1}".to_owned()], is_sealed: false }
    }

    fn parsed(answer: &SeriesAnswer) -> Value {
        serde_json::from_slice(&write(answer.clone())).unwrap()
    }

    #[test]
    fn exact_points_letter_by_letter() {
        let values = vec![1.0, 0.25, f64::NAN, -0.0, f64::INFINITY, 9_007_199_254_740_992.0, 1e300, -3.0];
        let times = (0..8).map(|n| n * 1_000_999).collect();
        let answer = one(SeriesData::Exact { times, values });
        assert_eq!(
            String::from_utf8(write(answer)).unwrap(),
            "{\"from\":-1,\"to\":2000,\"series\":[{\"metric\":\"cpu_usage_cores\",\"unit\":\"cores\",\"container_name\":\"server\",\
             \"container\":\"ab\\\"c\",\"pod\":\"p\\n\",\"resolution\":\"raw\",\"t\":[0,1000,2001,3002,4003,5004,6005,7006],\
             \"v\":[1,0.25,null,0,null,9007199254740992,1e+300,-3],\"marks\":[{\"t\":1,\"container\":\"x\"}]}],\
             \"notes\":[\"one \\u0001\"]}"
        );
    }

    #[test]
    fn an_empty_answer() {
        let answer =
            SeriesAnswer { series: Vec::new(), notes: Vec::new(), ..one(SeriesData::Buckets(Buckets::default())) };
        assert_eq!(parsed(&answer), json!({ "from": -1, "to": 2000, "series": [], "notes": [] }));
    }

    proptest! {
        #[test]
        fn the_reply_is_what_the_schema_describes(points in prop::collection::vec((any::<i64>(), any::<f64>()), 0..40), width in 1_i64..1_000_000_000, from_rollups: bool) {
            let (times, values): (Vec<i64>, Vec<f64>) = points.into_iter().unzip();
            let buckets = Buckets {
                width_usec: width,
                from_rollups,
                times: times.clone(),
                min: values.clone(),
                max: values.iter().map(|value| value * 2.0).collect(),
                mean: values.iter().map(|value| value.trunc()).collect(),
                last: values.clone(),
            };
            for data in [SeriesData::Exact { times, values }, SeriesData::Buckets(buckets)] {
                let answer = one(data);
                // Through text as well: the parser is not exact to the last bit.
                let described = serde_json::to_vec(&SeriesReply::from(&answer)).unwrap();
                prop_assert_eq!(parsed(&answer), serde_json::from_slice::<Value>(&described).unwrap());
            }
        }
    }
}
