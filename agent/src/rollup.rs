//! What a minute of readings comes to: which columns rollups have, and how readings fold into them.
//!
//! Pure; names and meanings stand here and nowhere else. The surprise: the increase of a counter needs the reading before the
//! minute, so that the increases of all minutes add up to what the counter did; a counter that fell began again at 0.

use crate::metric::Kind;
use crate::model::UnixMicros;
use crate::table::Table;

/// Microseconds in a row of rollups.
pub const MINUTE_USEC: i64 = 60_000_000;
/// The column that says how many readings a minute has.
pub const SAMPLES: &str = "samples";

/// What is kept of a column's readings in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Statistic {
    /// The smallest reading.
    Min,
    /// The largest reading.
    Max,
    /// The mean of the readings.
    Mean,
    /// The last reading.
    Last,
    /// How many readings there were.
    Count,
    /// How much the counter grew since the last reading before the minute.
    Increase,
    /// How much of that came between two readings at most.
    MaxIncrease,
}

impl Statistic {
    /// What is kept of columns of a kind, in file order.
    #[must_use]
    pub const fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Gauge => &[Self::Min, Self::Max, Self::Mean, Self::Last, Self::Count],
            Kind::Counter => &[Self::Increase, Self::MaxIncrease],
            Kind::Limit => &[Self::Min, Self::Max, Self::Last],
            Kind::Label => &[Self::Last],
        }
    }

    /// What is put behind the column's name.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::Max => "max",
            Self::Mean => "mean",
            Self::Last => "last",
            Self::Count => "count",
            Self::Increase => "increase",
            Self::MaxIncrease => "max_increase",
        }
    }
}

/// A column of rollups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollupColumn {
    /// Its name, `NAME_STATISTIC`.
    pub name: String,
    /// The table's column that it is of.
    pub column: usize,
    /// What it keeps.
    pub statistic: Statistic,
}

/// The number columns of a table's rollups behind [`SAMPLES`], in file order.
#[must_use]
pub fn columns(table: Table) -> Vec<RollupColumn> {
    let of_column = |column: usize| {
        Statistic::of(table.column_kind(column)).iter().map(move |&statistic| RollupColumn {
            name: format!("{}_{}", table.column_name(column), statistic.suffix()),
            column,
            statistic,
        })
    };
    (0..table.width()).flat_map(of_column).collect()
}

/// The start of a time's minute.
#[must_use]
pub fn minute_of(time: UnixMicros) -> UnixMicros {
    time - time.rem_euclid(MINUTE_USEC)
}

/// What a column's readings of a minute came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Folded {
    min: i64,
    max: i64,
    sum: i128,
    last: i64,
    count: i64,
    increase: Option<(i64, i64)>,
}

impl Folded {
    /// Takes the next reading; `previous` is the one before, of whatever minute.
    ///
    /// `share` is 1 for readings as far apart as usual. Where they are further apart it is the usual distance as a share of
    /// theirs: what a counter grew meanwhile is no increase of one tick, and counts as the largest with that share alone.
    pub fn take(&mut self, value: i64, previous: Option<i64>, share: f64) {
        (self.min, self.max) = match self.count {
            0 => (value, value),
            _ => (self.min.min(value), self.max.max(value)),
        };
        self.sum += i128::from(value);
        self.last = value;
        self.count += 1;
        if let Some(previous) = previous {
            let grown = if value >= previous { value.saturating_sub(previous) } else { value };
            let (increase, largest) = self.increase.unwrap_or_default();
            let of_one_tick = if share < 1.0 { (grown as f64 * share) as i64 } else { grown };
            self.increase = Some((increase.saturating_add(grown), largest.max(of_one_tick)));
        }
    }

    /// A statistic that is a whole number; `None` where no reading tells, and for the mean.
    #[must_use]
    pub fn whole(&self, statistic: Statistic) -> Option<i64> {
        let any = (self.count > 0).then_some(());
        match statistic {
            Statistic::Min => any.map(|()| self.min),
            Statistic::Max => any.map(|()| self.max),
            Statistic::Last => any.map(|()| self.last),
            Statistic::Count => any.map(|()| self.count),
            Statistic::Increase => self.increase.map(|(increase, _)| increase),
            Statistic::MaxIncrease => self.increase.map(|(_, largest)| largest),
            Statistic::Mean => None,
        }
    }

    /// The mean; `None` without readings.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn folded(readings: &[i64], mut previous: Option<i64>) -> Folded {
        let mut folded = Folded::default();
        for &value in readings {
            folded.take(value, previous, 1.0);
            previous = Some(value);
        }
        folded
    }

    #[test]
    fn a_gauge_keeps_its_extremes_its_mean_and_its_last_value() {
        let gauge = folded(&[5, -1, 8], None);
        let whole = [Statistic::Min, Statistic::Max, Statistic::Last, Statistic::Count].map(|s| gauge.whole(s));
        assert_eq!((whole, gauge.mean()), ([Some(-1), Some(8), Some(8), Some(3)], Some(4.0)));
    }

    #[test]
    fn a_counter_keeps_what_it_grew_since_the_reading_before_the_minute() {
        let increases = |folded: Folded| (folded.whole(Statistic::Increase), folded.whole(Statistic::MaxIncrease));
        assert_eq!(increases(folded(&[100, 130, 131], Some(90))), (Some(41), Some(30)));
        assert_eq!(increases(folded(&[100, 130, 131], None)), (Some(31), Some(30)));
        assert_eq!(increases(folded(&[100], None)), (None, None));
        assert_eq!(increases(folded(&[100, 7, 9], Some(100))), (Some(9), Some(7)), "it began again at 0");
    }

    #[test]
    fn growth_over_a_gap_is_no_increase_of_one_tick() {
        let mut folded = Folded::default();
        folded.take(100, Some(90), 1.0);
        folded.take(240, Some(100), 0.1);
        let both = [Statistic::Increase, Statistic::MaxIncrease].map(|statistic| folded.whole(statistic));
        assert_eq!(both, [Some(150), Some(14)]);
    }

    #[test]
    fn without_readings_everything_is_null() {
        let nothing = Folded::default();
        for kind in [Kind::Gauge, Kind::Counter, Kind::Limit, Kind::Label] {
            assert!(Statistic::of(kind).iter().all(|&statistic| nothing.whole(statistic).is_none()));
        }
        assert_eq!(nothing.mean(), None);
    }

    #[test]
    fn sums_of_large_values_do_not_wrap() {
        assert_eq!(folded(&[i64::MAX, i64::MAX], None).mean(), Some(i64::MAX as f64));
        assert_eq!(folded(&[i64::MIN, i64::MAX, 0, i64::MAX], None).whole(Statistic::Increase), Some(i64::MAX));
    }

    #[test]
    fn minutes_begin_at_utc_minutes_before_1970_too() {
        assert_eq!(
            [minute_of(0), minute_of(59_999_999), minute_of(60_000_000), minute_of(-1)],
            [0, 0, 60_000_000, -60_000_000]
        );
    }

    #[test]
    fn no_two_columns_have_one_name() {
        for table in Table::ALL {
            let columns = columns(table);
            let names: HashSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            assert_eq!(names.len(), columns.len());
            assert!(!names.contains(SAMPLES));
        }
    }
}
