//! An answer of series as a reply, in the format that is wished for.
//!
//! The surprise: a large answer stays numbers, which take half the memory of their text, and becomes text while the client reads.
//! Its tag is then of the numbers.

use twox_hash::XxHash3_128;

use crate::http::accept::SeriesFormat;
use crate::http::answer::{Content, Lasts, Made, WriteParts};
use crate::http::{arrow, columnar};
use crate::service::question::{AskError, SeriesAnswer, SeriesData};

/// An answer with more numbers than this is written in parts: some 2 MiB of text.
const MANY: usize = 100_000;
/// So many numbers are hashed at once.
const HASHED_AT_ONCE: usize = 512;

/// The reply.
pub(super) fn made(answer: SeriesAnswer, format: SeriesFormat) -> Result<Made, AskError> {
    let lasts = if answer.is_sealed { Lasts::Sealed } else { Lasts::Moment };
    let content = if columnar::numbers_of(&answer) > MANY {
        let fingerprint = if lasts == Lasts::Sealed { fingerprint(&answer, format) } else { 0 };
        Content::Parts { fingerprint, write: in_parts(answer, format) }
    } else {
        Content::Whole(whole(answer, format)?)
    };
    Ok(Made { content, content_type: format.content_type(), lasts })
}

fn whole(answer: SeriesAnswer, format: SeriesFormat) -> Result<Vec<u8>, AskError> {
    match format {
        SeriesFormat::Json => Ok(columnar::write(answer)),
        SeriesFormat::Arrow => {
            let mut body = Vec::new();
            arrow::write_to(answer, &mut body).map_err(|error| AskError::Failed(error.to_string()))?;
            Ok(body)
        }
    }
}

fn in_parts(answer: SeriesAnswer, format: SeriesFormat) -> WriteParts {
    match format {
        SeriesFormat::Json => Box::new(move |out| columnar::write_to(answer, out)),
        SeriesFormat::Arrow => Box::new(move |out| arrow::write_to(answer, out)),
    }
}

/// A number that differs where anything differs that is told.
fn fingerprint(answer: &SeriesAnswer, format: SeriesFormat) -> u128 {
    let mut hash = XxHash3_128::new();
    let words = format!("{format:?} {:?} {:?}", answer.range, answer.notes);
    hash.write(words.as_bytes());
    for series in &answer.series {
        let words = format!("{:?} {:?} {:?} {:?}", series.metric, series.unit, series.labels, series.marks);
        hash.write(words.as_bytes());
        match &series.data {
            SeriesData::Exact { times, values } => {
                column(&mut hash, times, |time| time.to_le_bytes());
                column(&mut hash, values, |value| value.to_le_bytes());
            }
            SeriesData::Buckets(buckets) => {
                hash.write(format!("{} {}", buckets.width_usec, buckets.from_rollups).as_bytes());
                column(&mut hash, &buckets.times, |time| time.to_le_bytes());
                for values in [&buckets.min, &buckets.max, &buckets.mean, &buckets.last] {
                    column(&mut hash, values, |value| value.to_le_bytes());
                }
            }
        }
    }
    hash.finish_128()
}

fn column<T: Copy>(hash: &mut XxHash3_128, values: &[T], bytes: impl Fn(T) -> [u8; 8]) {
    hash.write(&values.len().to_le_bytes());
    for some in values.chunks(HASHED_AT_ONCE) {
        let mut buffer = [0; HASHED_AT_ONCE * 8];
        for (place, &value) in buffer.chunks_exact_mut(8).zip(some) {
            place.copy_from_slice(&bytes(value));
        }
        hash.write(&buffer[..some.len() * 8]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::question::{Series, TimeRange};

    fn answer(values: &[f64]) -> SeriesAnswer {
        let data = SeriesData::Exact { times: (0..).take(values.len()).collect(), values: values.to_vec() };
        let labels = [("pod", "a".to_owned())].into();
        let series = Series { metric: "m".to_owned(), unit: "bytes", labels, data, marks: Vec::new() };
        SeriesAnswer { range: TimeRange { from: 0, to: 9 }, series: vec![series], notes: Vec::new(), is_sealed: true }
    }

    #[test]
    fn a_fingerprint_is_of_everything() {
        let of = |answer: &SeriesAnswer| fingerprint(answer, SeriesFormat::Json);
        let one = answer(&[1.0, 2.0]);
        assert_eq!(of(&one), of(&one.clone()));
        let mut renamed = one.clone();
        renamed.series[0].labels = [("pod", "b".to_owned())].into();
        let mut noted = one.clone();
        noted.notes.push("n".to_owned());
        for other in [answer(&[1.0, 2.5]), answer(&[1.0]), renamed, noted] {
            assert_ne!(of(&other), of(&one));
        }
        assert_ne!(fingerprint(&one, SeriesFormat::Arrow), of(&one));
    }

    #[test]
    fn only_large_answers_come_in_parts() {
        let is_whole = |points: usize| {
            let made = made(answer(&vec![0.5; points]), SeriesFormat::Json).unwrap();
            matches!(made.content, Content::Whole(_))
        };
        assert_eq!([1, MANY / 2, MANY / 2 + 1].map(is_whole), [true, true, false]);
    }
}
