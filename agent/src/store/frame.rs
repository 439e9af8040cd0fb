//! What a spill file's frames hold: who was born, which columns they lack, and their rows.
//!
//! Pure: bytes in, records out. A frame is `[u32 length][u32 !length][u32 crc32][payload]`, little endian, one per tick; a record is a tag,
//! the container's key as a varint, and the record's own bytes behind a varint length. The surprise: deaths are not written;
//! after a restart every container of the earlier run is gone or is born again.

use crate::model::{SeriesKey, Support};
use crate::store::rowlog::{RowError, append_columns};
use crate::store::varint::{append_varint, take_varint};
use crate::subject::Subject;
use crate::table::Table;

/// The bytes before a frame's payload.
pub const FRAME_HEADER: usize = 12;

const BIRTH: u8 = 1;
const SUPPORT: u8 = 2;
const ROW: u8 = 3;
const BIRTH_IN: u8 = 4;

/// A frame being put together.
#[derive(Debug)]
pub struct Frame {
    bytes: Vec<u8>,
    scratch: Vec<u8>,
    rows: u64,
}

impl Default for Frame {
    fn default() -> Self {
        Self { bytes: vec![0; FRAME_HEADER], scratch: Vec::new(), rows: 0 }
    }
}

impl Frame {
    /// Adds who or what a subject is.
    pub fn birth(&mut self, key: SeriesKey, subject: &Subject) {
        let json = subject.to_json().to_string();
        match subject {
            Subject::Container(_) => self.record(BIRTH, key, json.as_bytes()),
            _ => self.record(BIRTH_IN, key, format!("{}\n{json}", subject.table().name()).as_bytes()),
        }
    }

    /// Adds which columns a subject lacks.
    pub fn support(&mut self, key: SeriesKey, support: &Support) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        append_columns(&mut scratch, &support.unsupported);
        append_columns(&mut scratch, &support.unreadable);
        self.record(SUPPORT, key, &scratch);
        self.scratch = scratch;
    }

    /// Adds an encoded row.
    pub fn row(&mut self, key: SeriesKey, encoded: &[u8]) {
        self.record(ROW, key, encoded);
        self.rows += 1;
    }

    /// The number of rows in it.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether it has no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == FRAME_HEADER
    }

    /// The whole frame, header included.
    pub fn finish(&mut self) -> &[u8] {
        let payload = &self.bytes[FRAME_HEADER..];
        let (length, crc) = (payload.len() as u32, crc32fast::hash(payload));
        self.bytes[..4].copy_from_slice(&length.to_le_bytes());
        self.bytes[4..8].copy_from_slice(&(!length).to_le_bytes());
        self.bytes[8..FRAME_HEADER].copy_from_slice(&crc.to_le_bytes());
        &self.bytes
    }

    /// Empties it for the next tick.
    pub fn clear(&mut self) {
        self.bytes.truncate(FRAME_HEADER);
        self.rows = 0;
    }

    fn record(&mut self, tag: u8, key: SeriesKey, body: &[u8]) {
        self.bytes.push(tag);
        append_varint(&mut self.bytes, u64::from(key.0));
        append_varint(&mut self.bytes, body.len() as u64);
        self.bytes.extend_from_slice(body);
    }
}

/// The length and the checksum that a frame's header states; none where the length is damaged.
#[must_use]
pub fn frame_header(header: [u8; FRAME_HEADER]) -> Option<(u32, u32)> {
    let (words, _) = header.as_chunks();
    let &[length, complement, crc] = words else { return None };
    let length = u32::from_le_bytes(length);
    (u32::from_le_bytes(complement) == !length).then(|| (length, u32::from_le_bytes(crc)))
}

/// One record of a frame.
#[derive(Debug, PartialEq)]
pub enum Record<'a> {
    /// Who or what a subject is.
    Birth(SeriesKey, Subject),
    /// Which columns it lacks, unsupported and unreadable, as [`take_columns`](super::rowlog::take_columns) reads them.
    Support(SeriesKey, &'a [u8]),
    /// One encoded row.
    Row(SeriesKey, &'a [u8]),
}

/// Why a payload is no list of records.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// A number or a set of columns is damaged, or the payload ends inside a record.
    #[error(transparent)]
    Row(#[from] RowError),
    /// A record of a kind that this version does not write.
    #[error("a record has the unknown kind {0}")]
    UnknownKind(u8),
    /// A subject is not the JSON it should be.
    #[error("who a row is about is not readable: {0}")]
    Subject(#[from] serde_json::Error),
    /// A subject of a table that this version does not have.
    #[error("a record is of an unknown table")]
    UnknownTable,
}

/// Takes the next record off the front of `payload`; `None` at its end.
///
/// # Errors
/// The payload is not a list of records.
pub fn take_record<'a>(payload: &mut &'a [u8]) -> Result<Option<Record<'a>>, FrameError> {
    let Some((&tag, rest)) = payload.split_first() else { return Ok(None) };
    *payload = rest;
    let key = SeriesKey(u32::try_from(take_varint(payload)?).map_err(|_| RowError::Overlong)?);
    let length = usize::try_from(take_varint(payload)?).map_err(|_| RowError::Overlong)?;
    let (body, rest) = payload.split_at_checked(length).ok_or(RowError::Truncated)?;
    *payload = rest;
    Ok(Some(match tag {
        BIRTH => Record::Birth(key, Subject::from_json(Table::Containers, serde_json::from_slice(body)?)?),
        BIRTH_IN => {
            let at = body.iter().position(|&byte| byte == b'\n').ok_or(RowError::Truncated)?;
            let name = std::str::from_utf8(&body[..at]).unwrap_or_default();
            let table = Table::named(name).ok_or(FrameError::UnknownTable)?;
            Record::Birth(key, Subject::from_json(table, serde_json::from_slice(&body[at + 1..])?)?)
        }
        SUPPORT => Record::Support(key, body),
        ROW => Record::Row(key, body),
        _ => return Err(FrameError::UnknownKind(tag)),
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::rowlog::take_columns;
    use crate::store::testing::{container, process};

    #[test]
    fn records_come_back_in_order() {
        let mut frame = Frame::default();
        assert!(frame.is_empty());
        let support = Support { unsupported: [1, 100].into_iter().collect(), unreadable: [7].into_iter().collect() };
        frame.birth(SeriesKey(9), &container("abc"));
        frame.birth(SeriesKey(10), &process("abc", 7));
        frame.support(SeriesKey(9), &support);
        frame.row(SeriesKey(300), b"xyz");
        let bytes = frame.finish();
        let (length, crc) = frame_header(bytes[..FRAME_HEADER].try_into().unwrap()).unwrap();
        let mut payload = &bytes[FRAME_HEADER..];
        assert_eq!((length as usize, crc), (payload.len(), crc32fast::hash(payload)));
        let mut next = || take_record(&mut payload).unwrap();
        assert_eq!(next(), Some(Record::Birth(SeriesKey(9), container("abc"))));
        assert_eq!(next(), Some(Record::Birth(SeriesKey(10), process("abc", 7))));
        let Some(Record::Support(SeriesKey(9), mut columns)) = next() else { panic!("no support") };
        let mut take = || take_columns(&mut columns, None).unwrap();
        assert_eq!(Support { unsupported: take(), unreadable: take() }, support);
        assert_eq!(next(), Some(Record::Row(SeriesKey(300), b"xyz")));
        assert_eq!(next(), None);
        assert_eq!(frame.rows(), 1);
        frame.clear();
        assert!(frame.is_empty());
    }

    proptest! {
        #[test]
        fn no_payload_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut payload = bytes.as_slice();
            while let Ok(Some(_)) = take_record(&mut payload) {}
        }
    }
}
