//! The containers of a sealed file in little memory: which they are, when they were read, and where their rows are.
//!
//! Lists of the files of readings are much of what the catalogue keeps, so an entry is four numbers of variable length, told as
//! what differs from the entry before and from the file's whole span: five or six bytes of a container that lived all the
//! time. Pure. The surprise: every sixteenth entry is told in full, so that a search decodes sixteen of them, not all.

use super::super::varint::{append_varint, take_varint, unzigzag, zigzag};

/// So many entries follow each other without one that is told in full.
const BLOCK: usize = 16;

/// A container of a file. Times are in microseconds after the file's first row: a file lies within one hour. Its rows end where
/// those of the next one begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FileContainer {
    pub(super) container: u32,
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) first_row: u32,
}

/// The containers of a file, in row order.
#[derive(Clone, Debug, Default)]
pub(super) struct ContainerList {
    bytes: Box<[u8]>,
    /// Where the entries begin that are told in full, but for the first one.
    blocks: Box<[u32]>,
}

impl ContainerList {
    /// From the entries of a file whose last row is so many microseconds after its first.
    pub(super) fn of(entries: impl Iterator<Item = FileContainer>, span: u32) -> Self {
        let (mut bytes, mut blocks) = (Vec::new(), Vec::new());
        let mut before = FileContainer::default();
        for (position, entry) in entries.enumerate() {
            if position > 0 && position % BLOCK == 0 {
                // A list of 4 GiB does not fit into a footer.
                blocks.push(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
                before = FileContainer::default();
            }
            append_varint(&mut bytes, difference(before.container, entry.container));
            append_varint(&mut bytes, difference(before.first_row, entry.first_row));
            append_varint(&mut bytes, u64::from(entry.first));
            append_varint(&mut bytes, difference(span, entry.last));
            before = entry;
        }
        Self { bytes: bytes.into(), blocks: blocks.into() }
    }

    /// All of them; `span` is what the list was made with.
    pub(super) fn entries(&self, span: u32) -> Entries<'_> {
        self.block(0, span)
    }

    /// Of a list in an order, the few entries among which one is if the list has it; `is_after` tells whether a container comes
    /// after that one.
    pub(super) fn near(&self, span: u32, is_after: impl Fn(u32) -> bool) -> impl Iterator<Item = Entry> {
        let begins_after = |block: usize| self.block(block, span).next.is_some_and(|head| is_after(head.container));
        let (mut low, mut high) = (0, self.blocks.len() + 1);
        while low + 1 < high {
            let middle = usize::midpoint(low, high);
            *(if begins_after(middle) { &mut high } else { &mut low }) = middle;
        }
        self.block(low, span).take(BLOCK)
    }

    /// What a block begins with, and all after it.
    fn block(&self, block: usize, span: u32) -> Entries<'_> {
        let begin = block.checked_sub(1).and_then(|later| self.blocks.get(later)).map_or(0, |&begin| begin as usize);
        let rest = self.bytes.get(begin..).unwrap_or_default();
        let mut entries = Entries { rest, decoded: 0, span, next: None };
        entries.next = entries.decode(FileContainer::default());
        entries
    }
}

/// An entry, and the first row of the one after it.
pub(super) type Entry = (FileContainer, Option<u32>);

/// Entries from one on that is told in full.
#[derive(Debug)]
pub(super) struct Entries<'a> {
    rest: &'a [u8],
    decoded: usize,
    span: u32,
    next: Option<FileContainer>,
}

impl Entries<'_> {
    fn decode(&mut self, before: FileContainer) -> Option<FileContainer> {
        let before = if self.decoded.is_multiple_of(BLOCK) { FileContainer::default() } else { before };
        self.decoded += 1;
        let mut number = || take_varint(&mut self.rest).ok();
        Some(FileContainer {
            container: added(before.container, number()?),
            first_row: added(before.first_row, number()?),
            first: u32::try_from(number()?).ok()?,
            last: added(self.span, number()?),
        })
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let entry = self.next?;
        self.next = self.decode(entry);
        Some((entry, self.next.map(|next| next.first_row)))
    }
}

fn difference(from: u32, to: u32) -> u64 {
    zigzag(i64::from(to) - i64::from(from))
}

fn added(from: u32, difference: u64) -> u32 {
    (i64::from(from) + unzigzag(difference)) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries() -> impl Strategy<Value = Vec<FileContainer>> {
        let number = || prop_oneof![0..40_u32, any::<u32>(), Just(u32::MAX)];
        let entry = (number(), number(), number(), number())
            .prop_map(|(container, first, last, first_row)| FileContainer { container, first, last, first_row });
        proptest::collection::vec(entry, 0..70)
    }

    proptest! {
        #[test]
        fn entries_come_back_as_they_were(entries in entries(), span in any::<u32>()) {
            let list = ContainerList::of(entries.iter().copied(), span);
            let next = entries.iter().skip(1).map(|entry| Some(entry.first_row)).chain([None]);
            let expected: Vec<Entry> = entries.iter().copied().zip(next).collect();
            prop_assert_eq!(list.entries(span).collect::<Vec<_>>(), expected);
        }

        #[test]
        fn each_container_of_a_list_in_order_is_found(
            containers in proptest::collection::btree_set(0..500_u32, 0..200), wanted in 0..500_u32,
        ) {
            let entry = |&container: &u32| FileContainer { container, ..FileContainer::default() };
            let list = ContainerList::of(containers.iter().map(entry), 0);
            let mut near = list.near(0, |container| container > wanted);
            let found = near.any(|(entry, _)| entry.container == wanted);
            prop_assert_eq!(found, containers.contains(&wanted));
        }
    }

    #[test]
    fn a_container_that_lived_all_the_time_takes_six_bytes() {
        let entry =
            |container: u32| FileContainer { container, first: 0, last: 3_599_000_000, first_row: container * 3_600 };
        let list = ContainerList::of((0..100).map(entry), 3_599_000_000);
        assert!(list.bytes.len() + 4 * list.blocks.len() <= 600, "{} bytes", list.bytes.len());
    }
}
