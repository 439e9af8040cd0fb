//! Series as columnar JSON: what `reply.rs` describes as `SeriesReply`, written by hand because there may be millions of points.
//!
//! Times are whole milliseconds, gaps are null, whole numbers have no `.0`. The surprise: the answer is taken apart while it
//! is written, so that the memory of each series is free as soon as it is text.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::model::UnixMicros;
use crate::service::question::{Buckets, Mark, Series, SeriesAnswer, SeriesData};

/// How many bytes a number or a time takes, rather too many: growing costs more than address space.
const BYTES_PER_NUMBER: usize = 18;
/// So many values are written between two drains.
const VALUES_AT_ONCE: usize = 2048;
/// Whole numbers up to this are written as such; every one of them is exact.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// The answer as JSON.
#[must_use]
pub fn write(answer: SeriesAnswer) -> Vec<u8> {
    let mut out = Vec::with_capacity(numbers_of(&answer) * BYTES_PER_NUMBER + answer.series.len() * 512 + 256);
    // Nothing is drained, so nothing can fail.
    let _ = compose(&mut out, answer, &mut |_| Ok(()));
    out
}

/// Writes the answer as JSON, some kilobytes at a time.
///
/// # Errors
/// Where they are not taken.
pub fn write_to(answer: SeriesAnswer, to: &mut dyn Write) -> io::Result<()> {
    let mut out = Vec::new();
    compose(&mut out, answer, &mut |out| {
        to.write_all(out)?;
        out.clear();
        Ok(())
    })?;
    to.write_all(&out)
}

/// Takes what is written so far.
type Drain<'a> = &'a mut dyn FnMut(&mut Vec<u8>) -> io::Result<()>;

fn compose(out: &mut Vec<u8>, answer: SeriesAnswer, drain: Drain<'_>) -> io::Result<()> {
    out.extend_from_slice(b"{\"from\":");
    time(out, answer.range.from);
    out.extend_from_slice(b",\"to\":");
    time(out, answer.range.to);
    out.extend_from_slice(b",\"series\":[");
    for (index, one) in answer.series.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        series(out, one, drain)?;
    }
    out.extend_from_slice(b"],\"notes\":");
    list(out, answer.notes, |out, note| text(out, &note));
    out.push(b'}');
    Ok(())
}

/// How many numbers and times an answer has.
pub(super) fn numbers_of(answer: &SeriesAnswer) -> usize {
    answer.series.iter().map(|series| numbers_of_series(&series.data)).sum()
}

fn numbers_of_series(data: &SeriesData) -> usize {
    match data {
        SeriesData::Exact { times, .. } => times.len() * 2,
        SeriesData::Buckets(buckets) => buckets.times.len() * 5,
    }
}

fn series(out: &mut Vec<u8>, series: Series, drain: Drain<'_>) -> io::Result<()> {
    out.extend_from_slice(b"{\"metric\":");
    text(out, &series.metric);
    out.extend_from_slice(b",\"unit\":");
    text(out, series.unit);
    names(out, &series.labels);
    match series.data {
        SeriesData::Exact { times, values } => {
            out.extend_from_slice(b",\"resolution\":\"raw\"");
            column(out, "t", (&times, time), drain)?;
            column(out, "v", (&values, number), drain)?;
        }
        SeriesData::Buckets(buckets) => write_buckets(out, &buckets, drain)?,
    }
    if !series.marks.is_empty() {
        out.extend_from_slice(b",\"marks\":");
        list(out, series.marks, mark);
    }
    out.push(b'}');
    Ok(())
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

fn write_buckets(out: &mut Vec<u8>, buckets: &Buckets, drain: Drain<'_>) -> io::Result<()> {
    let resolution = resolution_of(buckets);
    out.extend_from_slice(b",\"resolution\":");
    text(out, resolution);
    out.extend_from_slice(b",\"width_ms\":");
    number(out, width_ms(buckets));
    column(out, "t", (&buckets.times, time), drain)?;
    for (name, values) in
        [("min", &buckets.min), ("max", &buckets.max), ("mean", &buckets.mean), ("last", &buckets.last)]
    {
        column(out, name, (values, number), drain)?;
    }
    Ok(())
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

/// Values, and how one is written.
fn column<T: Copy>(
    out: &mut Vec<u8>,
    name: &str,
    (values, value): (&[T], impl Fn(&mut Vec<u8>, T)),
    drain: Drain<'_>,
) -> io::Result<()> {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":[");
    let mut is_first = true;
    for some in values.chunks(VALUES_AT_ONCE) {
        for &it in some {
            if !is_first {
                out.push(b',');
            }
            is_first = false;
            value(out, it);
        }
        drain(out)?;
    }
    out.push(b']');
    Ok(())
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
    fn a_long_answer_comes_in_small_parts() {
        struct Parts(Vec<usize>);
        impl Write for Parts {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.push(bytes.len());
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let answer = one(SeriesData::Exact { times: (0..100_000).collect(), values: vec![0.1; 100_000] });
        let mut parts = Parts(Vec::new());
        write_to(answer.clone(), &mut parts).unwrap();
        assert!(parts.0.iter().all(|bytes| *bytes < 64 << 10), "{:?}", parts.0);
        assert_eq!(parts.0.iter().sum::<usize>(), write(answer).len());
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
                let mut streamed = Vec::new();
                write_to(answer.clone(), &mut streamed).unwrap();
                prop_assert_eq!(&streamed, &write(answer.clone()));
                prop_assert_eq!(parsed(&answer), serde_json::from_slice::<Value>(&described).unwrap());
            }
        }
    }
}
