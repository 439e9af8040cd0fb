//! Series as an Arrow IPC stream, in long form: a row per point, or per bucket.
//!
//! The only module outside of the store that knows Arrow, and it knows nothing else. Columns are `metric`, `unit`, one per name
//! that any series has, `resolution`, `time`, and as needed `value`, or `min`, `max`, `mean`, `last` and `width_ms`; a batch per
//! series. What is not of a point is in the schema's metadata, as JSON: `from`, `to`, `notes`, and `marks`, a list per batch. The
//! surprise: names are dictionaries that every batch shares, so a series of a million points names its container once.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Float64Array, Int32Array, RecordBatch, TimestampMicrosecondArray, new_null_array,
};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};

use serde_json::json;

use crate::http::columnar::{milliseconds, resolution_of, shown_as, width_ms};
use crate::service::question::{Mark, Series, SeriesAnswer, SeriesData};

/// Writes the answer as a stream, a batch for each series.
pub(super) fn write_to(answer: SeriesAnswer, to: &mut dyn Write) -> io::Result<()> {
    stream(answer, to).map_err(|error| match error {
        ArrowError::IoError(_, error) => error,
        other => io::Error::other(other),
    })
}

fn stream(answer: SeriesAnswer, to: &mut dyn Write) -> Result<(), ArrowError> {
    let layout = Layout::of(&answer.series);
    let texts: Vec<ArrayRef> =
        layout.texts.iter().map(|text| dictionary(text, &answer.series)).collect::<Result<_, _>>()?;
    let schema = Arc::new(layout.schema().with_metadata(told_once(&answer)));
    let mut writer = StreamWriter::try_new(to, &schema)?;
    for (index, series) in answer.series.into_iter().enumerate() {
        let columns = layout.columns(index, series.data, &texts)?;
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), columns)?)?;
    }
    writer.finish()
}

/// What is not of a point.
fn told_once(answer: &SeriesAnswer) -> HashMap<String, String> {
    let mark = |mark: &Mark| json!({ "t": milliseconds(mark.time), "container": mark.container_id });
    let marks = |series: &Series| series.marks.iter().map(mark).collect::<Vec<_>>();
    let told = [
        ("from", json!(milliseconds(answer.range.from))),
        ("to", json!(milliseconds(answer.range.to))),
        ("notes", json!(answer.notes)),
        ("marks", json!(answer.series.iter().map(marks).collect::<Vec<_>>())),
    ];
    told.into_iter().map(|(name, value)| (name.to_owned(), value.to_string())).collect()
}

/// A column of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Metric,
    Unit,
    Resolution,
    Label(&'static str),
}

impl Text {
    fn name(self) -> &'static str {
        match self {
            Self::Metric => "metric",
            Self::Unit => "unit",
            Self::Resolution => "resolution",
            Self::Label(label) => shown_as(label),
        }
    }

    fn of(self, series: &Series) -> Option<&str> {
        match self {
            Self::Metric => Some(&series.metric),
            Self::Unit => Some(series.unit),
            Self::Resolution => Some(match &series.data {
                SeriesData::Exact { .. } => "raw",
                SeriesData::Buckets(buckets) => resolution_of(buckets),
            }),
            Self::Label(label) => series.labels.get(label).map(String::as_str),
        }
    }
}

const EXACT: &[&str] = &["value"];
const BUCKETS: &[&str] = &["min", "max", "mean", "last", "width_ms"];

/// Which columns there are.
struct Layout {
    texts: Vec<Text>,
    numbers: Vec<&'static str>,
}

impl Layout {
    fn of(series: &[Series]) -> Self {
        let labels: BTreeSet<&'static str> = series.iter().flat_map(|series| series.labels.keys().copied()).collect();
        let labels = labels.into_iter().map(Text::Label);
        let texts = [Text::Metric, Text::Unit].into_iter().chain(labels).chain([Text::Resolution]).collect();
        let has_buckets = series.iter().any(|series| matches!(series.data, SeriesData::Buckets(_)));
        let has_exact = series.iter().any(|series| matches!(series.data, SeriesData::Exact { .. }));
        let mut numbers = Vec::new();
        if has_exact || !has_buckets {
            numbers.extend(EXACT);
        }
        if has_buckets {
            numbers.extend(BUCKETS);
        }
        Self { texts, numbers }
    }

    fn schema(&self) -> Schema {
        let text = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let texts = self.texts.iter().map(|column| Field::new(column.name(), text(), true));
        let numbers = self.numbers.iter().map(|name| Field::new(*name, DataType::Float64, true));
        Schema::new(texts.chain([Field::new("time", time, false)]).chain(numbers).collect::<Vec<_>>())
    }

    /// The columns of one series, the one with this number.
    fn columns(&self, index: usize, data: SeriesData, texts: &[ArrayRef]) -> Result<Vec<ArrayRef>, ArrowError> {
        let (times, numbers): (_, Vec<(&str, Vec<f64>)>) = match data {
            SeriesData::Exact { times, values } => (times, vec![("value", values)]),
            SeriesData::Buckets(buckets) => {
                let width = vec![width_ms(&buckets); buckets.times.len()];
                let [min, max, mean, last] = [buckets.min, buckets.max, buckets.mean, buckets.last];
                let numbers = vec![("min", min), ("max", max), ("mean", mean), ("last", last), ("width_ms", width)];
                (buckets.times, numbers)
            }
        };
        let rows = times.len();
        let mut columns = texts.iter().map(|text| repeated(text, index, rows)).collect::<Result<Vec<_>, _>>()?;
        columns.push(Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")));
        let mut numbers = numbers.into_iter().peekable();
        for name in &self.numbers {
            columns.push(match numbers.next_if(|(known, _)| known == name) {
                Some((_, values)) => Arc::new(floats(values)),
                None => new_null_array(&DataType::Float64, rows),
            });
        }
        Ok(columns)
    }
}

/// A value per series.
fn dictionary(text: &Text, series: &[Series]) -> Result<ArrayRef, ArrowError> {
    let mut builder = StringDictionaryBuilder::<Int32Type>::new();
    for series in series {
        match text.of(series) {
            Some(value) => drop(builder.append(value)?),
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// The value of one series as often as it has rows, from the same dictionary.
fn repeated(per_series: &ArrayRef, index: usize, rows: usize) -> Result<ArrayRef, ArrowError> {
    let per_series = per_series.as_any().downcast_ref::<DictionaryArray<Int32Type>>();
    let per_series = per_series.ok_or_else(|| ArrowError::CastError("no dictionary".to_owned()))?;
    let key = per_series.key(index).map(i32::try_from).transpose();
    let key = key.map_err(|error| ArrowError::CastError(error.to_string()))?;
    let keys = key.map_or_else(|| Int32Array::new_null(rows), |key| Int32Array::from(vec![key; rows]));
    Ok(Arc::new(DictionaryArray::try_new(keys, Arc::clone(per_series.values()))?))
}

/// Numbers; what is none is null.
fn floats(values: Vec<f64>) -> Float64Array {
    let has_gap = values.iter().any(|value| !value.is_finite());
    let nulls = has_gap.then(|| values.iter().map(|value| value.is_finite()).collect::<NullBuffer>());
    Float64Array::new(ScalarBuffer::from(values), nulls)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, TimestampMicrosecondType};
    use arrow_ipc::reader::StreamReader;

    use super::*;
    use crate::service::question::{Buckets, TimeRange};

    fn series(id: &str, data: SeriesData) -> Series {
        let labels: BTreeMap<&'static str, String> = [("container_id", id.to_owned())].into();
        Series { metric: "m".to_owned(), unit: "bytes", labels, data, marks: Vec::new() }
    }

    fn batches(series: Vec<Series>) -> Vec<RecordBatch> {
        let answer = SeriesAnswer { range: TimeRange { from: 0, to: 9 }, series, notes: Vec::new(), is_sealed: false };
        let mut bytes = Vec::new();
        write_to(answer, &mut bytes).unwrap();
        StreamReader::try_new(&bytes[..], None).unwrap().map(Result::unwrap).collect()
    }

    fn names(batch: &RecordBatch) -> Vec<String> {
        batch.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    #[test]
    fn exact_points_have_a_value_and_gaps_are_null() {
        let exact =
            |values: &[f64]| SeriesData::Exact { times: (0..).take(values.len()).collect(), values: values.into() };
        let mut named = series("b", exact(&[7.0]));
        named.labels.insert("pod", "p".to_owned());
        let found = batches(vec![series("a", exact(&[1.5, f64::NAN])), named]);
        assert_eq!(names(&found[0]), ["metric", "unit", "container", "pod", "resolution", "time", "value"]);
        let ids: Vec<&str> = found
            .iter()
            .map(|batch| {
                batch.column(2).as_dictionary::<Int32Type>().downcast_dict::<arrow_array::StringArray>().unwrap()
            })
            .map(|ids| ids.into_iter().next().unwrap().unwrap())
            .collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!((found[0].column(3).null_count(), found[1].column(3).null_count()), (2, 0));
        let values = found[0].column(6).as_primitive::<Float64Type>();
        assert_eq!((values.value(0), values.is_null(1)), (1.5, true));
        assert_eq!(found[0].column(5).as_primitive::<TimestampMicrosecondType>().values().to_vec(), [0, 1]);
    }

    #[test]
    fn buckets_have_four_numbers_and_a_mixture_has_all_columns() {
        let buckets = Buckets {
            width_usec: 60_000_000,
            times: vec![0],
            min: vec![1.0],
            max: vec![4.0],
            mean: vec![2.0],
            last: vec![3.0],
            from_rollups: false,
        };
        let alone = batches(vec![series("a", SeriesData::Buckets(buckets.clone()))]);
        assert_eq!(names(&alone[0])[5..], ["min", "max", "mean", "last", "width_ms"]);
        let exact = SeriesData::Exact { times: vec![5], values: vec![9.0] };
        let mixed = batches(vec![series("a", SeriesData::Buckets(buckets)), series("b", exact)]);
        let number = |batch: &RecordBatch, name: &str| {
            let column = batch.column_by_name(name).unwrap().as_primitive::<Float64Type>().clone();
            (!column.is_null(0)).then(|| column.value(0))
        };
        let all = ["value", "min", "max", "mean", "last", "width_ms"];
        assert_eq!(
            all.map(|name| number(&mixed[0], name)),
            [None, Some(1.0), Some(4.0), Some(2.0), Some(3.0), Some(60_000.0)]
        );
        assert_eq!(all.map(|name| number(&mixed[1], name)), [Some(9.0), None, None, None, None, None]);
    }

    #[test]
    fn what_is_not_of_a_point_is_in_the_metadata() {
        let exact = || SeriesData::Exact { times: vec![1000], values: vec![1.0] };
        let mut marked = series("a", exact());
        marked.marks.push(Mark { time: 1000, container_id: "a".to_owned() });
        let range = TimeRange { from: 0, to: 9000 };
        let (series, notes) = (vec![marked, series("b", exact())], vec!["\"so\"".to_owned()]);
        let mut bytes = Vec::new();
        write_to(SeriesAnswer { range, series, notes, is_sealed: false }, &mut bytes).unwrap();
        let schema = StreamReader::try_new(&bytes[..], None).unwrap().schema();
        let told = |name: &str| serde_json::from_str::<serde_json::Value>(&schema.metadata()[name]).unwrap();
        assert_eq!((told("from"), told("to"), told("notes")), (json!(0), json!(9), json!(["\"so\""])));
        assert_eq!(told("marks"), json!([[{ "t": 1, "container": "a" }], []]));
    }

    #[test]
    fn an_answer_without_series_is_a_stream_without_batches() {
        assert_eq!(batches(Vec::new()).len(), 0);
    }
}
