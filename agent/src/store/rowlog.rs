//! The row encoding shared by the tail and the spill: a container's row, relative to that container's previous row.
//!
//! Pure: bytes in, rows out. One row is
//! ```text
//! flags                  1 byte: final | presence mode | has changes
//! zigzag varint          time delta minus the previous time delta: 1-2 bytes at a steady interval
//! [presence bitmap]      only when it is neither of the last two presence sets
//! [changes]              for each changed present column, the difference to the column's last present value
//! ```
//! A bitmap is a varint with one bit per group of eight columns, then each non-zero group byte; changes put a group's varints
//! behind its byte. Neither depends on the number of columns, so a spill of another catalogue decodes by name. The surprise:
//! an absent column keeps its last value, so what is read once a second costs a small difference at any interval.

use super::varint::{take_byte, take_varint, unzigzag, zigzag};
use crate::metric::Column;
use crate::model::{ColumnSet, Row, UnixMicros};
use crate::table::{MAX_WIDTH, Table};

const GROUPS: usize = MAX_WIDTH.div_ceil(8);
const _: () = assert!(GROUPS <= 64, "a bitmap's group mask is a u64");
const MAX_VARINT: usize = 10;
/// No encoded row is longer.
pub const MAX_ROW_BYTES: usize = 1 + MAX_VARINT + 2 * (MAX_VARINT + GROUPS) + MAX_WIDTH * MAX_VARINT;

const FINAL: u8 = 1;
const PRESENCE_OTHER: u8 = 1 << 1;
const PRESENCE_NEW: u8 = 1 << 2;
const CHANGES: u8 = 1 << 3;
const KNOWN_FLAGS: u8 = FINAL | PRESENCE_OTHER | PRESENCE_NEW | CHANGES;

/// Why bytes are not an encoded row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// They end inside a row.
    #[error("the bytes end inside a row")]
    Truncated,
    /// A number is longer than 64 bits.
    #[error("a number is longer than 64 bits")]
    Overlong,
    /// A flag that this version does not write.
    #[error("a row has unknown flags {0:#04x}")]
    UnknownFlags(u8),
    /// A column that the table (the writer's, if a map is given) does not have.
    #[error("a row names column {0}, which does not exist")]
    UnknownColumn(usize),
}

/// One row's bytes, reused from row to row.
#[derive(Debug)]
pub struct RowBuffer {
    bytes: Box<[u8; MAX_ROW_BYTES]>,
    len: usize,
}

impl Default for RowBuffer {
    fn default() -> Self {
        Self { bytes: Box::new([0; MAX_ROW_BYTES]), len: 0 }
    }
}

impl RowBuffer {
    /// The bytes of the row encoded last.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    #[inline]
    fn put(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    #[inline]
    fn put_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.put(value as u8 | 0x80);
            value >>= 7;
        }
        self.put(value as u8);
    }
}

/// Where the columns of a writer with another catalogue are in a table of this one; `None` for a column that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnMap(Vec<Option<Column>>);

impl ColumnMap {
    /// The map from a writer's column names; `None` when they are this catalogue's own.
    #[must_use]
    pub fn from_names<S: AsRef<str>>(table: Table, names: &[S]) -> Option<Self> {
        if names.iter().map(AsRef::as_ref).eq(table.column_names()) {
            return None;
        }
        Some(Self(names.iter().map(|name| table.column(name.as_ref())).collect()))
    }
}

/// What a row is encoded and decoded against: the series' previous row.
#[derive(Clone, Debug)]
pub struct RowState {
    started: bool,
    is_final: bool,
    time: UnixMicros,
    delta: i64,
    present: ColumnSet,
    other: ColumnSet,
    values: Box<[i64]>,
}

impl RowState {
    /// The state before the first row of a series of the table.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self {
            started: false,
            is_final: false,
            time: 0,
            delta: 0,
            present: ColumnSet::EMPTY,
            other: ColumnSet::EMPTY,
            values: vec![0; table.width()].into_boxed_slice(),
        }
    }

    /// The time of the last row.
    #[must_use]
    pub fn time(&self) -> UnixMicros {
        self.time
    }

    /// Whether the last row was a final one.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.is_final
    }

    /// The columns that the last row has.
    #[must_use]
    pub fn present(&self) -> &ColumnSet {
        &self.present
    }

    /// Every column's last present value: the last row's, where [`Self::present`] has the column.
    #[must_use]
    pub fn values(&self) -> &[i64] {
        &self.values
    }

    /// Encodes a row into `out` and makes it the previous one.
    pub fn encode(&mut self, row: &Row, values: &[i64], out: &mut RowBuffer) {
        out.len = 0;
        out.put(0);
        let mut flags = if row.is_final { FINAL } else { 0 };
        let change = self.advance_time(row.time);
        out.put_varint(zigzag(change));
        self.is_final = row.is_final;
        if row.present != self.present {
            std::mem::swap(&mut self.present, &mut self.other);
            flags |= PRESENCE_OTHER;
            if row.present != self.present {
                self.present = row.present;
                flags ^= PRESENCE_OTHER | PRESENCE_NEW;
                put_bitmap(out, &row.present);
            }
        }
        if self.put_changes(values, out) {
            flags |= CHANGES;
        }
        out.bytes[0] = flags;
    }

    /// Takes one row off the front of `input` and makes it the previous one; `map` where another catalogue wrote it.
    ///
    /// # Errors
    /// The bytes are not a row; the state is then undefined (but harmless).
    pub fn decode(&mut self, input: &mut &[u8], map: Option<&ColumnMap>) -> Result<(), RowError> {
        let flags = take_byte(input)?;
        if flags & !KNOWN_FLAGS != 0 || flags & PRESENCE_OTHER != 0 && flags & PRESENCE_NEW != 0 {
            return Err(RowError::UnknownFlags(flags));
        }
        let change = unzigzag(take_varint(input)?);
        self.is_final = flags & FINAL != 0;
        self.add_to_time(change);
        if flags & (PRESENCE_OTHER | PRESENCE_NEW) != 0 {
            std::mem::swap(&mut self.present, &mut self.other);
        }
        if flags & PRESENCE_NEW != 0 {
            self.present = take_columns(input, map)?;
        }
        if flags & CHANGES == 0 {
            return Ok(());
        }
        let values = &mut self.values;
        visit_bitmap(input, |position, input| {
            let difference = unzigzag(take_varint(input)?);
            if let Some(column) = resolve(position, map)? {
                let value = values.get_mut(column).ok_or(RowError::UnknownColumn(column))?;
                *value = value.wrapping_add(difference);
            }
            Ok(())
        })
    }

    /// Moves to a row's time; gives the change of the time's pace that says so.
    fn advance_time(&mut self, time: UnixMicros) -> i64 {
        let delta = time.wrapping_sub(self.time);
        let change = delta.wrapping_sub(self.delta);
        self.time = time;
        self.keep_pace(delta);
        change
    }

    fn add_to_time(&mut self, change: i64) {
        let delta = self.delta.wrapping_add(change);
        self.time = self.time.wrapping_add(delta);
        self.keep_pace(delta);
    }

    /// The first row's distance is from 1970, which says nothing about the next one's.
    fn keep_pace(&mut self, delta: i64) {
        if self.started {
            self.delta = delta;
        }
        self.started = true;
    }

    /// Writes the changed present columns; whether there were any.
    fn put_changes(&mut self, values: &[i64], out: &mut RowBuffer) -> bool {
        let mut changed = [0_u8; GROUPS];
        let mut groups = 0_u64;
        for (group, (new, old)) in values.chunks(8).zip(self.values.chunks(8)).enumerate() {
            let bits = differing(new, old) & group_byte(&self.present, group);
            changed[group] = bits;
            groups |= u64::from(bits != 0) << group;
        }
        if groups == 0 {
            return false;
        }
        out.put_varint(groups);
        for_each_bit(groups, |group| {
            out.put(changed[group]);
            for_each_bit(u64::from(changed[group]), |bit| {
                let column = group * 8 + bit;
                out.put_varint(zigzag(values[column].wrapping_sub(self.values[column])));
                self.values[column] = values[column];
            });
        });
        true
    }
}

/// Reads rows off encoded bytes, one after the other.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    rest: &'a [u8],
    state: RowState,
}

impl<'a> Decoder<'a> {
    /// A decoder of a table's rows that were encoded from an empty state.
    #[must_use]
    pub fn new(table: Table, encoded: &'a [u8]) -> Self {
        Self { rest: encoded, state: RowState::new(table) }
    }

    /// The next row; `None` at the end of the bytes.
    ///
    /// # Errors
    /// The bytes are damaged; nothing more can be read.
    pub fn next_row(&mut self) -> Result<Option<&RowState>, RowError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.state.decode(&mut self.rest, None)?;
        Ok(Some(&self.state))
    }
}

/// Appends a set of columns as a bitmap; [`take_columns`] reads it back.
pub fn append_columns(out: &mut Vec<u8>, columns: &ColumnSet) {
    let mut buffer = RowBuffer::default();
    put_bitmap(&mut buffer, columns);
    out.extend_from_slice(buffer.as_bytes());
}

/// Takes a set of columns off the front of `input`.
///
/// # Errors
/// The bytes are not a bitmap.
pub fn take_columns(input: &mut &[u8], map: Option<&ColumnMap>) -> Result<ColumnSet, RowError> {
    let mut columns = ColumnSet::EMPTY;
    visit_bitmap(input, |position, _| {
        resolve(position, map)?.into_iter().for_each(|column| columns.insert(column));
        Ok(())
    })?;
    Ok(columns)
}

/// One bit per column of a group: whether the values differ.
#[inline]
fn differing(new: &[i64], old: &[i64]) -> u8 {
    let bit = |(index, (new, old)): (usize, (&i64, &i64))| u8::from(new != old) << index;
    match (<&[i64; 8]>::try_from(new), <&[i64; 8]>::try_from(old)) {
        // The known length lets the compiler compare several columns per instruction.
        (Ok(new), Ok(old)) => new.iter().zip(old).enumerate().map(bit).fold(0, |all, one| all | one),
        _ => new.iter().zip(old).enumerate().map(bit).fold(0, |all, one| all | one),
    }
}

#[inline]
fn group_byte(columns: &ColumnSet, group: usize) -> u8 {
    (columns.0[group / 8] >> (group % 8 * 8)) as u8
}

#[inline]
fn for_each_bit(mut bits: u64, mut visit: impl FnMut(usize)) {
    while bits != 0 {
        visit(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}

fn put_bitmap(out: &mut RowBuffer, columns: &ColumnSet) {
    let mask = (0..GROUPS).fold(0, |mask, group| mask | u64::from(group_byte(columns, group) != 0) << group);
    out.put_varint(mask);
    for_each_bit(mask, |group| out.put(group_byte(columns, group)));
}

/// Calls `visit` with the position of every bit, and with the bytes behind the bit's group.
#[inline]
fn visit_bitmap(
    input: &mut &[u8],
    mut visit: impl FnMut(usize, &mut &[u8]) -> Result<(), RowError>,
) -> Result<(), RowError> {
    let mut groups = take_varint(input)?;
    while groups != 0 {
        let group = groups.trailing_zeros() as usize;
        groups &= groups - 1;
        let mut bits = take_byte(input)?;
        while bits != 0 {
            visit(group * 8 + bits.trailing_zeros() as usize, input)?;
            bits &= bits - 1;
        }
    }
    Ok(())
}

#[inline]
fn resolve(position: usize, map: Option<&ColumnMap>) -> Result<Option<Column>, RowError> {
    match map {
        None if position < MAX_WIDTH => Ok(Some(position)),
        None => Err(RowError::UnknownColumn(position)),
        Some(map) => map.0.get(position).copied().ok_or(RowError::UnknownColumn(position)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metric::COLUMNS;
    use crate::model::SeriesKey;

    fn row(time: UnixMicros, present: ColumnSet) -> Row {
        Row { key: SeriesKey(1), table: Table::Containers, time, is_final: false, present }
    }

    fn any_columns() -> impl Strategy<Value = ColumnSet> {
        prop_oneof![
            Just(ColumnSet::EMPTY),
            Just((0..COLUMNS).collect::<ColumnSet>()),
            Just((0..COLUMNS / 2).collect::<ColumnSet>()),
            proptest::collection::vec(0..COLUMNS, 0..COLUMNS).prop_map(|columns| columns.into_iter().collect()),
        ]
    }

    fn any_value() -> impl Strategy<Value = i64> {
        prop_oneof![5 => Just(0_i64), 5 => -100_i64..1000, 1 => any::<i64>(), 1 => Just(i64::MIN), 1 => Just(i64::MAX)]
    }

    fn any_time() -> impl Strategy<Value = i64> {
        prop_oneof![1_700_000_000_000_000_i64..1_700_000_100_000_000, any::<i64>()]
    }

    type AnyRow = (i64, bool, ColumnSet, Vec<i64>);

    fn any_rows() -> impl Strategy<Value = Vec<AnyRow>> {
        let values = proptest::collection::vec(any_value(), COLUMNS);
        proptest::collection::vec((any_time(), any::<bool>(), any_columns(), values), 0..20)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn rows_come_back_as_they_went_in(rows in any_rows()) {
            let (mut state, mut buffer, mut encoded) = (RowState::new(Table::Containers), RowBuffer::default(), Vec::new());
            for (time, is_final, present, values) in &rows {
                let row = Row { is_final: *is_final, ..row(*time, *present) };
                state.encode(&row, values, &mut buffer);
                encoded.extend_from_slice(buffer.as_bytes());
            }
            let mut decoder = Decoder::new(Table::Containers, &encoded);
            for (time, is_final, present, values) in &rows {
                let row = decoder.next_row().unwrap().expect("a row");
                prop_assert_eq!((row.time(), row.is_final(), *row.present()), (*time, *is_final, *present));
                for column in present.iter() {
                    prop_assert_eq!(row.values()[column], values[column]);
                }
            }
            prop_assert!(decoder.next_row().unwrap().is_none());
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut decoder = Decoder::new(Table::Containers, &bytes);
            while let Ok(Some(_)) = decoder.next_row() {}
            let map = ColumnMap::from_names(Table::Containers, &["pids_max", "gone"]);
            let mut state = RowState::new(Table::Containers);
            let mut rest = bytes.as_slice();
            while !rest.is_empty() && state.decode(&mut rest, map.as_ref()).is_ok() {}
        }

        #[test]
        fn a_set_of_columns_comes_back(columns in any_columns()) {
            let mut bytes = Vec::new();
            append_columns(&mut bytes, &columns);
            prop_assert_eq!(take_columns(&mut bytes.as_slice(), None), Ok(columns));
        }
    }

    #[test]
    fn an_idle_row_is_a_few_bytes() {
        let all: ColumnSet = (0..COLUMNS).collect();
        let values: Vec<i64> = (0..COLUMNS as i64).map(|n| n * 1_000_000).collect();
        let (mut state, mut buffer) = (RowState::new(Table::Containers), RowBuffer::default());
        for tick in 0..5 {
            let jitter = [0, 400, -350, 100, 900][tick as usize];
            state.encode(&row(1_700_000_000_000_000 + tick * 1_000_000 + jitter, all), &values, &mut buffer);
        }
        assert_eq!(buffer.as_bytes().len(), 3);
    }

    #[test]
    fn alternating_presence_costs_no_bitmap() {
        let all: ColumnSet = (0..COLUMNS).collect();
        let fast: ColumnSet = (0..20).collect();
        let values = vec![7; COLUMNS];
        let (mut state, mut buffer) = (RowState::new(Table::Containers), RowBuffer::default());
        let mut lengths = Vec::new();
        for tick in 0..6 {
            state.encode(&row(tick * 100_000, if tick % 3 == 0 { all } else { fast }), &values, &mut buffer);
            lengths.push(buffer.as_bytes().len());
        }
        assert_eq!(lengths[3..], [2, 2, 2]);
    }

    #[test]
    fn another_catalogues_columns_are_found_by_name() {
        assert_eq!(
            ColumnMap::from_names(Table::Containers, &Table::Containers.column_names().collect::<Vec<_>>()),
            None
        );
        let map = ColumnMap::from_names(Table::Containers, &["gone_bytes", "pids_max", "cpu_usage_usec"]).unwrap();
        let columns: ColumnSet = (0..3).collect();
        let (mut state, mut buffer) = (RowState::new(Table::Containers), RowBuffer::default());
        let mut values = vec![0; COLUMNS];
        values[..3].copy_from_slice(&[11, 22, 33]);
        state.encode(&row(5, columns), &values, &mut buffer);
        let mut decoded = RowState::new(Table::Containers);
        decoded.decode(&mut buffer.as_bytes(), Some(&map)).unwrap();
        let (pids, cpu) =
            (crate::metric::column("pids_max").unwrap(), crate::metric::column("cpu_usage_usec").unwrap());
        assert_eq!(decoded.present().iter().collect::<Vec<_>>(), [cpu, pids]);
        assert_eq!((decoded.values()[pids], decoded.values()[cpu]), (22, 33));
    }
}
