//! Evaluation against plain models: every row at once, in the simplest code that says the same.

use proptest::prelude::*;

use super::buckets::{Folding, Grid};
use super::evaluate::Evaluator;
use super::exact::Exact;
use super::{Held, Sink, Summary};
use crate::derived::{self, Formula, SeriesSpec};
use crate::metric::UNLIMITED;
use crate::model::UnixMicros;
use crate::resolution::Resolution;
use crate::rollup::{Folded, MINUTE_USEC, Statistic, minute_of};
use crate::scan::{Block, Numbers, ScanColumn, Values};
use crate::subject::Subject;

pub(super) const SECOND: i64 = 1_000_000;

/// What a sink was told, in order.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    Point(UnixMicros, f64, f64),
    Gap(UnixMicros),
    Held(Held),
    Summary(UnixMicros, Summary),
}

#[derive(Default)]
struct Ear(Vec<Told>);

impl Sink for Ear {
    fn point(&mut self, time: UnixMicros, value: f64, weight: f64) {
        self.0.push(Told::Point(time, value, weight));
    }

    fn gap(&mut self, time: UnixMicros) {
        self.0.push(Told::Gap(time));
    }

    fn held(&mut self, held: Held) {
        self.0.push(Told::Held(held));
    }

    fn summary(&mut self, time: UnixMicros, summary: Summary) {
        self.0.push(Told::Summary(time, summary));
    }
}

/// A value of any kind; means are doubles.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cell {
    Int(i64),
    Double(f64),
    Null,
}

type Row = (UnixMicros, Vec<Cell>);

fn spec(name: &str) -> &'static SeriesSpec {
    derived::named(name).unwrap()
}

/// Tells rows to an evaluator in blocks of these lengths, the last one for the rest.
fn tell(name: &str, resolution: Resolution, rows: &[Row], lengths: &[usize], out: &mut impl Sink) {
    let mut evaluator = Evaluator::new(spec(name), resolution);
    let mut rest = rows;
    for length in lengths.iter().copied().chain([usize::MAX]) {
        let (block, behind) = rest.split_at(length.min(rest.len()));
        rest = behind;
        tell_block(&mut evaluator, block, out);
    }
    evaluator.finish(out);
}

fn tell_block(evaluator: &mut Evaluator<'_>, rows: &[Row], out: &mut impl Sink) {
    let times: Vec<i64> = rows.iter().map(|row| row.0).collect();
    let width = rows.first().map_or(0, |row| row.1.len());
    let of_column = |column: usize| rows.iter().map(move |row| row.1[column]);
    let present: Vec<Vec<bool>> =
        (0..width).map(|column| of_column(column).map(|cell| cell != Cell::Null).collect()).collect();
    let ints: Vec<Vec<i64>> = (0..width)
        .map(|column| of_column(column).map(|cell| if let Cell::Int(int) = cell { int } else { -77 }).collect())
        .collect();
    let doubles: Vec<Vec<f64>> = (0..width)
        .map(|column| of_column(column).map(|cell| if let Cell::Double(x) = cell { x } else { -77.0 }).collect())
        .collect();
    let columns: Vec<Values<'_>> = (0..width)
        .map(|column| Values {
            values: match of_column(column).any(|cell| matches!(cell, Cell::Double(_))) {
                true => Numbers::Doubles(&doubles[column]),
                false if present[column].contains(&true) => Numbers::Ints(&ints[column]),
                false => Numbers::Absent,
            },
            present: present[column].contains(&false).then_some(&present[column][..]),
        })
        .collect();
    let (subject, node) = (&Subject::Node, "n");
    let block = Block { subject, series: 0, node, times: &times, columns: &columns, interval_usec: SECOND };
    evaluator.block(&block, out);
}

fn told(name: &str, resolution: Resolution, rows: &[Row], lengths: &[usize]) -> Vec<Told> {
    let mut ear = Ear::default();
    tell(name, resolution, rows, lengths, &mut ear);
    ear.0
}

fn raw(name: &str, rows: &[(i64, &[i64])]) -> Vec<Told> {
    let row = |(time, values): &(i64, &[i64])| (*time * SECOND, values.iter().map(|&value| Cell::Int(value)).collect());
    told(name, Resolution::Raw, &rows.iter().map(row).collect::<Vec<_>>(), &[])
}

#[test]
fn a_counter_becomes_a_rate_from_its_second_row_on() {
    let rows: &[(i64, &[i64])] = &[(10, &[500_000]), (11, &[1_000_000]), (13, &[1_500_000]), (14, &[200_000])];
    let expected = [(11, 0.5, 1.0), (13, 0.25, 2.0), (14, 0.2, 1.0)];
    assert_eq!(raw("cpu_usage_cores", rows), expected.map(|(time, v, w)| Told::Point(time * SECOND, v, w)));
}

#[test]
fn nothing_is_computed_across_a_gap() {
    let rows: &[(i64, &[i64])] = &[(10, &[0]), (11, &[7]), (20, &[100]), (21, &[103])];
    let expected = [Told::Point(11 * SECOND, 7.0, 1.0), Told::Gap(12 * SECOND), Told::Point(21 * SECOND, 3.0, 1.0)];
    assert_eq!(raw("io_read_bytes_per_second", rows), expected);
}

#[test]
fn a_percent_of_a_limit_is_none_without_one() {
    let rows: &[(i64, &[i64])] = &[(1, &[50, 200]), (2, &[50, UNLIMITED]), (3, &[50, 0])];
    assert_eq!(raw("memory_limit_percent", rows), [Told::Point(SECOND, 25.0, 1.0)]);
    let rows: &[(i64, &[i64])] =
        &[(1, &[0, 50_000, 100_000]), (2, &[250_000, 50_000, 100_000]), (3, &[300_000, UNLIMITED, 100_000])];
    assert_eq!(raw("cpu_limit_percent", rows), [Told::Point(2 * SECOND, 50.0, 1.0)]);
    let rows: &[(i64, &[i64])] = &[(1, &[150_000, 100_000]), (2, &[UNLIMITED, 100_000])];
    assert_eq!(raw("cpu_limit_cores", rows), [Told::Point(SECOND, 1.5, 1.0)]);
    assert_eq!(raw("memory_max_bytes", &[(1, &[UNLIMITED]), (2, &[8])]), [Told::Point(2 * SECOND, 8.0, 1.0)]);
}

#[test]
fn a_share_weighs_by_its_whole_and_rests_with_it() {
    let rows: &[(i64, &[i64])] = &[(1, &[0, 0]), (2, &[1, 4]), (3, &[1, 4]), (4, &[4, 10])];
    let expected = [Told::Point(2 * SECOND, 25.0, 4.0), Told::Point(4 * SECOND, 50.0, 6.0)];
    assert_eq!(raw("cpu_throttled_percent", rows), expected);
}

#[test]
fn the_working_set_is_never_below_zero() {
    let rows: &[(i64, &[i64])] = &[(1, &[50, 20]), (2, &[50, 60])];
    assert_eq!(
        raw("memory_working_set_bytes", rows),
        [Told::Point(SECOND, 30.0, 1.0), Told::Point(2 * SECOND, 0.0, 1.0)]
    );
}

#[test]
fn a_device_without_rows_rests() {
    let rows: &[(i64, &[i64])] = &[(1, &[0]), (2, &[100]), (10, &[150])];
    let held = Held { after: 2 * SECOND, until: 9 * SECOND, step_usec: SECOND, value: 0.0, weight_per_usec: 1e-6 };
    let expected = [Told::Point(2 * SECOND, 100.0, 1.0), Told::Held(held), Told::Point(10 * SECOND, 50.0, 1.0)];
    assert_eq!(raw("io_devices.read_bytes_per_second", rows), expected);
}

fn minute(name: &str, rows: &[(i64, &[i64])]) -> Vec<Told> {
    let cells = |values: &[i64]| values.iter().map(|&value| Cell::Int(value)).collect();
    let rows: Vec<Row> = rows.iter().map(|(minute, values)| (minute * MINUTE_USEC, cells(values))).collect();
    told(name, Resolution::Minute, &rows, &[1])
}

fn flat(min: f64, max: f64, weight: f64) -> Summary {
    Summary { min, max, mean: min, last: min, weight }
}

#[test]
fn a_minute_of_a_counter_covers_what_its_readings_do() {
    // Samples, increase, largest increase: half a minute at first, a whole one, one after a missing one, the last half.
    let rows: &[(i64, &[i64])] = &[
        (1, &[31, 30_000_000, 2_000_000]),
        (2, &[60, 30_000_000, 1_500_000]),
        (4, &[60, 90_000_000, 1]),
        (5, &[30, 15_000_000, 500_000]),
    ];
    let expected = [
        Told::Summary(MINUTE_USEC, flat(1.0, 2.0, 30.0)),
        Told::Summary(2 * MINUTE_USEC, flat(0.5, 1.5, 60.0)),
        Told::Gap(3 * MINUTE_USEC),
        Told::Summary(5 * MINUTE_USEC, flat(0.5, 0.5, 30.0)),
    ];
    assert_eq!(minute("cpu_usage_cores", rows), expected);
}

#[test]
fn a_minute_of_a_limit_is_of_the_time_that_had_one() {
    let told = |values: &[i64]| minute("memory_max_bytes", &[(1, values)]);
    let summary =
        |min, max, last| vec![Told::Summary(MINUTE_USEC, Summary { min, max, mean: last, last, weight: 60.0 })];
    assert_eq!(told(&[60, 5, 7, 6]), summary(5.0, 7.0, 6.0));
    assert_eq!(told(&[60, 5, UNLIMITED, UNLIMITED]), summary(5.0, 5.0, 5.0));
    assert_eq!(told(&[60, UNLIMITED, UNLIMITED, UNLIMITED]), []);
}

/// Series of every formula, with what they do.
const NAMES: [&str; 12] = [
    "memory_current_bytes",
    "cpu_usage_usec",
    "memory_max_bytes",
    "cpu_usage_cores",
    "io_bytes_per_second",
    "cpu_limit_percent",
    "cpu_throttled_percent",
    "memory_working_set_bytes",
    "memory_limit_percent",
    "memory_working_set_limit_percent",
    "cpu_limit_cores",
    "node.cpu_usage_percent",
];

fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        6 => (0i64..1_000).prop_map(Cell::Int),
        1 => Just(Cell::Int(0)),
        1 => Just(Cell::Int(UNLIMITED)),
        2 => Just(Cell::Null),
    ]
}

/// Rows at distances of 0.1 to 2.4 s, with a gap now and then but never two in a row.
fn rows(width: usize) -> impl Strategy<Value = Vec<Row>> {
    let step = (1i64..24, 0u8..10, 30i64..200, prop::collection::vec(cell(), width));
    prop::collection::vec(step, 0..60).prop_map(|steps| {
        let (mut time, mut may_gap) = (1_000 * SECOND, true);
        let mut rows = Vec::new();
        for (usual, dice, long, cells) in steps {
            let is_gap = may_gap && dice == 0;
            time += if is_gap { long } else { usual } * SECOND / 10;
            may_gap = !is_gap;
            rows.push((time, cells));
        }
        rows
    })
}

fn any_series() -> impl Strategy<Value = (&'static str, Vec<Row>)> {
    prop::sample::select(&NAMES[..]).prop_flat_map(|name| {
        let width = spec(name).formula.columns().len();
        rows(width).prop_map(move |rows| (name, rows))
    })
}

fn splits() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0usize..9, 0..30)
}

/// The same as the evaluator says, row by row and without a thought for speed.
fn model(name: &str, rows: &[Row]) -> Vec<Told> {
    let mut told = Vec::new();
    let mut last_row: Option<i64> = None;
    let mut before: Option<(i64, Vec<i64>)> = None;
    for (time, cells) in rows {
        if let Some(last) = last_row.filter(|last| *time - last > 2_500_000) {
            told.push(Told::Gap(last + SECOND));
            before = None;
        }
        last_row = Some(*time);
        let ints = cells.iter().map(|cell| if let Cell::Int(int) = cell { Some(*int) } else { None });
        let Some(now) = ints.collect::<Option<Vec<i64>>>() else { continue };
        let limit = |value: i64| if value == UNLIMITED || value <= 0 { None } else { Some(value as f64) };
        let grown = |position: usize| {
            let before = before.as_ref()?.1[position];
            Some(if now[position] < before { now[position] } else { now[position] - before } as f64)
        };
        let seconds = before.as_ref().map(|before| (time - before.0) as f64 / 1e6);
        let sum = |from: usize, to: usize| (from..to).map(grown).sum::<Option<f64>>();
        let point = match &spec(name).formula {
            Formula::Reading(_) => Some((now[0] as f64, 1.0)),
            Formula::Limit(_) => Some(now[0]).filter(|limit| *limit != UNLIMITED).map(|limit| (limit as f64, 1.0)),
            Formula::Difference { .. } => Some(((now[0] - now[1]).max(0) as f64, 1.0)),
            Formula::Share { less, .. } => limit(now[1]).map(|whole| {
                let of = if less.is_some() { (now[0] - now[2]).max(0) } else { now[0] };
                (100.0 * of as f64 / whole, 1.0)
            }),
            Formula::Quotient { .. } => limit(now[0]).filter(|_| now[1] > 0).map(|over| (over / now[1] as f64, 1.0)),
            Formula::Rate { counters, scale } => {
                sum(0, counters.len()).zip(seconds).map(|(grown, seconds)| (grown / seconds * scale, seconds))
            }
            Formula::RateOfQuota { .. } => grown(0)
                .zip(seconds)
                .zip(limit(now[1]))
                .filter(|_| now[2] > 0)
                .map(|((grown, seconds), quota)| (100.0 * grown / 1e6 / seconds / (quota / now[2] as f64), seconds)),
            Formula::ShareOfIncreases { part, whole } => {
                let parts = sum(0, part.len());
                let whole = sum(part.len(), part.len() + whole.len());
                parts.zip(whole).filter(|(_, whole)| *whole > 0.0).map(|(part, whole)| (100.0 * part / whole, whole))
            }
        };
        told.extend(point.map(|(value, weight)| Told::Point(*time, value, weight)));
        before = Some((*time, now));
    }
    told
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

fn is_alike(a: &Told, b: &Told) -> bool {
    match (a, b) {
        (Told::Point(time, value, weight), Told::Point(other_time, other, other_weight)) => {
            time == other_time && near(*value, *other) && near(*weight, *other_weight)
        }
        _ => a == b,
    }
}

proptest! {
    #[test]
    fn points_are_those_of_the_model((name, rows) in any_series(), lengths in splits()) {
        let (found, expected) = (told(name, Resolution::Raw, &rows, &lengths), model(name, &rows));
        let same = found.len() == expected.len() && found.iter().zip(&expected).all(|(a, b)| is_alike(a, b));
        prop_assert!(same, "{name}: {found:?} instead of {expected:?}");
    }

    #[test]
    fn many_points_without_nulls_are_those_of_the_model(
        name in prop::sample::select(&["memory_current_bytes", "cpu_usage_cores"][..]),
        values in prop::collection::vec((0i64..1_000, 1i64..24), 200..700),
        gap in any::<prop::sample::Index>(),
        split in 0usize..600,
    ) {
        let (gap, mut time) = (gap.index(values.len()), 0);
        let row = |(at, &(value, tenths)): (usize, &(i64, i64))| {
            time += tenths * SECOND / 10 + if at == gap { 3 * SECOND } else { 0 };
            (time, vec![Cell::Int(value)])
        };
        let rows: Vec<Row> = values.iter().enumerate().map(row).collect();
        let (found, expected) = (told(name, Resolution::Raw, &rows, &[split]), model(name, &rows));
        prop_assert!(found.len() == expected.len() && found.iter().zip(&expected).all(|(a, b)| is_alike(a, b)));
        let range = (rows[5].0, rows[190].0);
        let in_range = |time: i64| time >= range.0 && time < range.1;
        let mut exact = Exact::of(range, 1_000);
        tell(name, Resolution::Raw, &rows, &[split], &mut exact);
        let (times, values) = exact.finish();
        let exact: Vec<(i64, f64)> = times.into_iter().zip(values).filter(|(_, value)| !value.is_nan()).collect();
        let expected: Vec<(i64, f64)> = found.iter()
            .filter_map(|told| if let Told::Point(time, value, _) = told { Some((*time, *value)) } else { None })
            .filter(|(time, _)| in_range(*time)).collect();
        prop_assert_eq!(exact, expected);
    }

    #[test]
    fn how_rows_are_split_does_not_matter(
        name in prop::sample::select(&["io_devices.read_bytes", "io_devices.bytes_per_second",
            "processes.cpu_usage_cores", "pods.memory_current_bytes", "cpu_usage_cores"][..]),
        steps in prop::collection::vec((0i64..20_000_000, cell(), cell()), 0..60),
        lengths in splits(),
    ) {
        let width = spec(name).formula.columns().len();
        let mut time = 0;
        let rows: Vec<Row> = steps.iter().map(|&(step, a, b)| { time += step; (time, vec![a, b][..width].to_vec()) }).collect();
        prop_assert_eq!(told(name, Resolution::Raw, &rows, &lengths), told(name, Resolution::Raw, &rows, &[]));
    }

    #[test]
    fn no_rows_make_it_panic_or_tell_what_is_no_number(
        name in any::<prop::sample::Index>().prop_map(|index| index.get(derived::all()).name.as_str()),
        minutes: bool,
        times in prop::collection::vec(any::<i64>(), 0..8),
        values in prop::collection::vec(prop_oneof![any::<i64>().prop_map(Cell::Int), Just(Cell::Null)], 33 * 8),
    ) {
        let resolution = if minutes { Resolution::Minute } else { Resolution::Raw };
        let columns = spec(name).columns(resolution).map_or(0, |columns| columns.len());
        let rows: Vec<Row> = times.iter().enumerate().map(|(row, &time)| (time, values[row * 33..][..columns].to_vec())).collect();
        for told in told(name, resolution, &rows, &[3]) {
            let numbers = match told {
                Told::Point(_, value, weight) => vec![value, weight],
                Told::Held(held) => vec![held.value, held.weight_per_usec],
                Told::Summary(_, summary) => vec![summary.min, summary.max, summary.mean, summary.last, summary.weight],
                Told::Gap(_) => vec![],
            };
            prop_assert!(numbers.iter().all(|number| number.is_finite()), "{name}: {told:?}");
        }
    }

    #[test]
    fn wide_buckets_of_readings_and_of_rollups_agree(
        name in prop::sample::select(&["memory_current_bytes", "cpu_usage_cores", "io_bytes_per_second",
            "cpu_throttled_percent", "cpu_limit_percent"][..]),
        values in prop::collection::vec([0i64..1_000, 0i64..1_000, 0i64..1_000], 1..300),
        phase in 0i64..SECOND,
        width in 1i64..4,
    ) {
        let columns = spec(name).formula.columns().len();
        // A quota stays, and there are always periods in which something may be throttled.
        let cell = |row: usize, column: usize| match (name, column) {
            ("cpu_limit_percent", 1..) => 500,
            ("cpu_throttled_percent", 1..) => i64::try_from(row).unwrap() * 7,
            _ => values[row][column],
        };
        let cells = |row| (0..columns).map(|column| Cell::Int(cell(row, column))).collect();
        let time = |row: usize| (600 + i64::try_from(row).unwrap()) * SECOND + phase;
        let readings: Vec<Row> = (0..values.len()).map(|row| (time(row), cells(row))).collect();
        let minutes = rollups(name, &readings);
        let range = (0, 7_200 * SECOND);
        let grid = Grid::covering(range, width * MINUTE_USEC);
        let [mut of_readings, mut of_minutes] = [Folding::of(grid, range), Folding::of(grid, range)];
        tell(name, Resolution::Raw, &readings, &[], &mut of_readings);
        tell(name, Resolution::Minute, &minutes, &[], &mut of_minutes);
        let (a, b) = (of_readings.finish(), of_minutes.finish());
        prop_assert!(b.from_rollups || b.times.is_empty());
        // A last minute that is begun covers less than a reading's distance more or less.
        let full = values.len() / 60 / usize::try_from(width).unwrap();
        for bucket in 0..full.min(a.times.len()) {
            prop_assert_eq!(a.times[bucket], b.times[bucket]);
            // The first minute of a counter counts from its first reading.
            if !(spec(name).formula.is_of_increases() && bucket == 0) {
                prop_assert!(near(a.mean[bucket], b.mean[bucket]), "{}: {:?} {:?}", name, a, b);
            }
            if !spec(name).formula.is_of_increases() {
                prop_assert_eq!((a.min[bucket], a.max[bucket], a.last[bucket]), (b.min[bucket], b.max[bucket], b.last[bucket]));
            } else if spec(name).formula.columns().len() == 1 && bucket > 0 {
                prop_assert!(near(a.max[bucket], b.max[bucket]));
            }
        }
    }
}

/// The rollups of rows, in the columns that a series wants, folded as the store folds them.
fn rollups(name: &str, readings: &[Row]) -> Vec<Row> {
    let spec = spec(name);
    let raw = spec.formula.columns();
    let wanted = spec.columns(Resolution::Minute).unwrap();
    let mut minutes: Vec<UnixMicros> = readings.iter().map(|row| minute_of(row.0)).collect();
    minutes.dedup();
    let of_minute = |&minute: &UnixMicros| {
        let from = readings.partition_point(|row| minute_of(row.0) < minute);
        let in_minute = || readings.iter().enumerate().skip(from).take_while(|(_, row)| minute_of(row.0) == minute);
        let folded = |column: usize| {
            let position = raw.iter().position(|known| *known == column).unwrap();
            let int = |row: &Row| if let Cell::Int(int) = row.1[position] { int } else { 0 };
            let mut folded = Folded::default();
            in_minute().for_each(|(at, row)| folded.take(int(row), (at > 0).then(|| int(&readings[at - 1])), 1.0));
            folded
        };
        let cell = |column: &ScanColumn| match *column {
            ScanColumn::Samples => Cell::Int(i64::try_from(in_minute().count()).unwrap()),
            ScanColumn::Rollup(column, Statistic::Mean) => folded(column).mean().map_or(Cell::Null, Cell::Double),
            ScanColumn::Rollup(column, statistic) => folded(column).whole(statistic).map_or(Cell::Null, Cell::Int),
            ScanColumn::Reading(_) => Cell::Null,
        };
        (minute, wanted.iter().map(cell).collect())
    };
    minutes.iter().map(of_minute).collect()
}

#[test]
fn exact_points_of_a_series_are_its_values_in_range() {
    let rows: Vec<Row> = (0..10).map(|i| (i * SECOND, vec![Cell::Int(i * i)])).collect();
    let mut exact = Exact::of((3 * SECOND, 6 * SECOND), 100);
    tell("io_read_bytes_per_second", Resolution::Raw, &rows, &[2, 2], &mut exact);
    assert_eq!(exact.finish(), (vec![3 * SECOND, 4 * SECOND, 5 * SECOND], vec![5.0, 7.0, 9.0]));
}
