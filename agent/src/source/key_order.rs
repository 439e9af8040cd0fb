//! The order in which the kernel prints a file's keys, learnt from the last text.

use super::plan::Slot;

/// Which column each line of a file goes to, learnt from the last text.
#[derive(Debug)]
pub(super) struct KeyOrder {
    slots: Vec<Slot>,
    lines: Vec<(Box<[u8]>, Option<Slot>)>,
}

impl KeyOrder {
    pub(super) fn new(slots: &[Slot]) -> Self {
        Self { slots: slots.to_vec(), lines: Vec::new() }
    }

    pub(super) fn slot(&mut self, line: usize, key: &[u8]) -> Option<Slot> {
        if let Some((known, slot)) = self.lines.get(line)
            && **known == *key
        {
            return *slot;
        }
        let slot = self.slots.iter().find(|slot| slot.key.as_bytes() == key).copied();
        // A text longer than any catalogue entry's file is not worth remembering beyond that.
        if line < 256 {
            self.lines.resize_with(self.lines.len().max(line + 1), || (Box::default(), None));
            self.lines[line] = (key.into(), slot);
        }
        slot
    }
}
