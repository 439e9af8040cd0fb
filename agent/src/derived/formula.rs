//! How a series is computed from columns: few formulas, each of a subject's own columns alone.
//!
//! Pure values: what the formulas mean for rows is `analysis`'s. A formula names columns by name where it is listed, and by
//! position once its table is known. The surprise: which columns are read for a formula differs between readings and rollups,
//! and some formulas have no answer from rollups at all.

use crate::metric::Kind;
use crate::rollup::Statistic;
use crate::scan::ScanColumn;
use crate::table::Table;

/// Columns that one formula reads at most.
pub const MAX_COLUMNS: usize = 16;

/// How a series is computed; `C` says which column: its name, or its position in the table.
#[derive(Clone, Debug, PartialEq)]
pub enum Formula<C = usize> {
    /// The column as it was read.
    Reading(C),
    /// A setting; none where there is no limit.
    Limit(C),
    /// What counters grow by in a second, added up, times a factor.
    Rate {
        /// The counters.
        counters: Vec<C>,
        /// The factor.
        scale: f64,
    },
    /// What some counters grow by, in percent of what others do; none while those rest.
    ShareOfIncreases {
        /// The counters of the part, added up.
        part: Vec<C>,
        /// The counters of the whole, added up.
        whole: Vec<C>,
    },
    /// What a counter of microseconds grows by, in percent of what a quota per period allows; none without a quota.
    RateOfQuota {
        /// The counter.
        counter: C,
        /// The limit of what it may grow by in a period.
        quota: C,
        /// The period.
        period: C,
    },
    /// One reading less another, never below 0.
    Difference {
        /// The reading.
        from: C,
        /// What is taken away.
        less: C,
    },
    /// A reading, less another where there is one, in percent of a third; none where that is no limit, or 0.
    Share {
        /// The reading.
        of: C,
        /// What is taken away, never below 0.
        less: Option<C>,
        /// What 100 percent is.
        whole: C,
    },
    /// One setting over another; none where the first is no limit.
    Quotient {
        /// The setting.
        over: C,
        /// What it is divided by.
        under: C,
    },
}

impl<C: Copy> Formula<C> {
    /// Every column, in the order in which they are scanned.
    #[must_use]
    pub fn columns(&self) -> Vec<C> {
        match self {
            Self::Reading(column) | Self::Limit(column) => vec![*column],
            Self::Rate { counters, .. } => counters.clone(),
            Self::ShareOfIncreases { part, whole } => part.iter().chain(whole).copied().collect(),
            Self::RateOfQuota { counter, quota, period } => vec![*counter, *quota, *period],
            Self::Difference { from, less } => vec![*from, *less],
            Self::Share { of, less, whole } => [*of, *whole].into_iter().chain(*less).collect(),
            Self::Quotient { over, under } => vec![*over, *under],
        }
    }

    /// The same of other columns; none where one is not known.
    #[must_use]
    pub fn resolved<D>(&self, mut of: impl FnMut(C) -> Option<D>) -> Option<Formula<D>> {
        let mut all = |columns: &[C]| columns.iter().map(|&column| of(column)).collect::<Option<Vec<D>>>();
        let mut each = |columns: &[C]| Some(all(columns)?.into_iter());
        Some(match self {
            Self::Reading(column) => Formula::Reading(each(&[*column])?.next()?),
            Self::Limit(column) => Formula::Limit(each(&[*column])?.next()?),
            Self::Rate { counters, scale } => Formula::Rate { counters: all(counters)?, scale: *scale },
            Self::ShareOfIncreases { part, whole } => {
                Formula::ShareOfIncreases { part: all(part)?, whole: all(whole)? }
            }
            Self::RateOfQuota { counter, quota, period } => {
                let mut columns = each(&[*counter, *quota, *period])?;
                Formula::RateOfQuota { counter: columns.next()?, quota: columns.next()?, period: columns.next()? }
            }
            Self::Difference { from, less } => {
                let mut columns = each(&[*from, *less])?;
                Formula::Difference { from: columns.next()?, less: columns.next()? }
            }
            Self::Share { of: gauge, less, whole } => {
                let mut columns = each(&[*gauge, *whole])?;
                let (of, whole) = (columns.next()?, columns.next()?);
                let less = match less {
                    Some(less) => Some(each(&[*less])?.next()?),
                    None => None,
                };
                Formula::Share { of, less, whole }
            }
            Self::Quotient { over, under } => {
                let mut columns = each(&[*over, *under])?;
                Formula::Quotient { over: columns.next()?, under: columns.next()? }
            }
        })
    }

    /// Whether it is computed from what counters grow by, so that each point needs the reading before.
    #[must_use]
    pub fn is_of_increases(&self) -> bool {
        matches!(self, Self::Rate { .. } | Self::ShareOfIncreases { .. } | Self::RateOfQuota { .. })
    }
}

impl Formula {
    /// What is scanned for it in readings.
    #[must_use]
    pub fn reading_columns(&self) -> Vec<ScanColumn> {
        self.columns().into_iter().map(ScanColumn::Reading).collect()
    }

    /// What is scanned for it in minutes of rollups, [`ScanColumn::Samples`] first; none where rollups can't tell: a counter's
    /// own value is not in them.
    #[must_use]
    pub fn rollup_columns(&self, table: Table) -> Option<Vec<ScanColumn>> {
        let last = |&column: &usize| ScanColumn::Rollup(column, Statistic::Last);
        let gauge = |column: usize| {
            let all = [Statistic::Min, Statistic::Max, Statistic::Mean, Statistic::Last, Statistic::Count];
            all.map(|statistic| ScanColumn::Rollup(column, statistic))
        };
        let increases = |counters: &[usize]| -> Vec<ScanColumn> {
            let both = [Statistic::Increase, Statistic::MaxIncrease];
            counters.iter().flat_map(|&counter| both.map(|one| ScanColumn::Rollup(counter, one))).collect()
        };
        let increase = |&counter: &usize| ScanColumn::Rollup(counter, Statistic::Increase);
        let mean = |&column: &usize| ScanColumn::Rollup(column, Statistic::Mean);
        let behind_samples = match self {
            Self::Reading(column) => match table.column_kind(*column) {
                Kind::Gauge => gauge(*column).to_vec(),
                Kind::Counter | Kind::Limit | Kind::Label => return None,
            },
            Self::Limit(column) => {
                [Statistic::Min, Statistic::Max, Statistic::Last].map(|one| ScanColumn::Rollup(*column, one)).to_vec()
            }
            Self::Rate { counters, .. } => increases(counters),
            Self::ShareOfIncreases { part, whole } => part.iter().chain(whole).map(increase).collect(),
            Self::RateOfQuota { counter, quota, period } => {
                increases(&[*counter]).into_iter().chain([quota, period].map(last)).collect()
            }
            Self::Difference { from, less } => gauge(*from).into_iter().chain([mean(less)]).collect(),
            Self::Share { of, less, whole } => {
                gauge(*of).into_iter().chain([last(whole)]).chain(less.iter().map(mean)).collect()
            }
            Self::Quotient { over, under } => [over, under].map(last).to_vec(),
        };
        Some([ScanColumn::Samples].into_iter().chain(behind_samples).collect())
    }
}
