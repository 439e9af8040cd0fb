//! A column of a block as numbers, cut to the rows that all columns have.

use crate::scan::{Block, Numbers, Values};

/// A column's values; nulls are `None`.
#[derive(Clone, Copy)]
pub(super) enum Column<'a> {
    /// Integers, all there.
    Ints(&'a [i64]),
    /// Integers and whether each is there.
    SomeInts(&'a [i64], &'a [bool]),
    /// Doubles and whether each is there.
    Doubles(&'a [f64], Option<&'a [bool]>),
    /// Null everywhere.
    Absent,
}

impl<'a> Column<'a> {
    /// Cut to `rows`; a column that is shorter counts as absent, for it can't be of this block.
    pub(super) fn of(values: &Values<'a>, rows: usize) -> Self {
        let present = match values.present {
            None => None,
            Some(present) if present.len() >= rows => Some(&present[..rows]),
            Some(_) => return Self::Absent,
        };
        match (values.values, present) {
            (Numbers::Ints(ints), None) if ints.len() >= rows => Self::Ints(&ints[..rows]),
            (Numbers::Ints(ints), Some(present)) if ints.len() >= rows => Self::SomeInts(&ints[..rows], present),
            (Numbers::Doubles(doubles), present) if doubles.len() >= rows => Self::Doubles(&doubles[..rows], present),
            _ => Self::Absent,
        }
    }

    /// The value of a row as an integer.
    #[inline]
    pub(super) fn int(&self, row: usize) -> Option<i64> {
        match self {
            Self::Ints(ints) => ints.get(row).copied(),
            Self::SomeInts(ints, present) => {
                present.get(row).copied().unwrap_or(false).then(|| ints.get(row).copied())?
            }
            Self::Doubles(..) => self.number(row).map(|value| value as i64),
            Self::Absent => None,
        }
    }

    /// The value of a row.
    #[inline]
    pub(super) fn number(&self, row: usize) -> Option<f64> {
        match self {
            Self::Doubles(doubles, present) => {
                let is_there = present.is_none_or(|present| present.get(row).copied().unwrap_or(false));
                is_there.then(|| doubles.get(row).copied())?
            }
            _ => self.int(row).map(|value| value as f64),
        }
    }
}

/// The columns of a block, as many as a formula has; those that are missing are absent.
pub(super) struct Columns<'a, const N: usize>([Column<'a>; N]);

impl<'a, const N: usize> Columns<'a, N> {
    pub(super) fn of(block: &Block<'a>) -> Self {
        Self(std::array::from_fn(|position| column(block, position)))
    }

    /// The values of a row; none unless all are there.
    #[inline]
    pub(super) fn row(&self, row: usize) -> Option<[i64; N]> {
        let mut values = [0; N];
        for (value, column) in values.iter_mut().zip(&self.0) {
            *value = column.int(row)?;
        }
        Some(values)
    }
}

/// A column of a block by its position in the scan.
pub(super) fn column<'a>(block: &Block<'a>, position: usize) -> Column<'a> {
    block.columns.get(position).map_or(Column::Absent, |values| Column::of(values, block.times.len()))
}

impl<const N: usize> Columns<'_, N> {
    /// The values of a row in the first columns; none unless all of these are there.
    #[inline]
    pub(super) fn first(&self, columns: usize, row: usize) -> Option<[i64; N]> {
        let mut values = [0; N];
        for (value, column) in values.iter_mut().zip(&self.0).take(columns) {
            *value = column.int(row)?;
        }
        Some(values)
    }
}
