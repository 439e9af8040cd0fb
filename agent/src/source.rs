//! Reads a cgroup's files into a row: files kept open, `pread` at offset 0, one buffer for all.
//!
//! What to read comes from the catalogue ([`Plan`]); how a file's text becomes numbers is `cgroup`'s. The surprise: the
//! kernel prints the keys of a file in the same order every time, so [`KeyOrder`] remembers which column each line went
//! to and a lookup is one comparison.

mod key_order;
mod plan;

use std::sync::Arc;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::cgroup;
use crate::cgroup::io::{self, DeviceNumber};
use crate::health::{Counters, ReadError};
use crate::metric::{Class, Column, Format, fallback_file};
use crate::model::{ColumnSet, Support};
use key_order::KeyOrder;
pub use plan::{Plan, PlannedFile};

/// The first size of the read buffer; a file that fills it is read again with twice as much, up to [`MAX_FILE_BYTES`].
const BUFFER_BYTES: usize = 32 * 1024;

/// The part of the descriptors (one in so many) that is kept for what tells of births and deaths: beyond the rest, files are
/// opened for each read, but a container's end is still seen at once.
const LIVES_SHARE: usize = 8;

/// No cgroup file is this long; one that is counts as garbled.
const MAX_FILE_BYTES: usize = 1024 * 1024;

#[derive(Debug, Default)]
enum Handle {
    #[default]
    Untried,
    Kept(OwnedFd),
    /// Opened for each read: a limit, or more files than this process may keep open.
    Unkept,
    Missing,
}

#[derive(Debug, Default)]
struct FileState {
    handle: Handle,
    /// The columns that the last read gave a value.
    delivered: ColumnSet,
    /// The last read failed for another reason than that the file is not there.
    unreadable: bool,
}

/// The open files of one cgroup, in the plan's order.
#[derive(Debug)]
pub struct CgroupFiles {
    states: Vec<FileState>,
    support_changed: bool,
}

impl CgroupFiles {
    /// Nothing opened yet.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        Self { states: plan.files.iter().map(|_| FileState::default()).collect(), support_changed: true }
    }

    /// Why columns have no value, if that changed since the last call.
    pub fn take_support_change(&mut self, plan: &Plan) -> Option<Support> {
        if !std::mem::take(&mut self.support_changed) {
            return None;
        }
        let mut support = Support { unsupported: plan.absent, unreadable: ColumnSet::EMPTY };
        for (file, state) in plan.files.iter().zip(&self.states) {
            let without = file.columns.difference(&state.delivered);
            let set = if state.unreadable { &mut support.unreadable } else { &mut support.unsupported };
            *set = set.union(&without);
        }
        Some(support)
    }

    /// The files that are there but may not be read.
    pub fn unreadable_files<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = &'static str> + 'a {
        plan.files.iter().zip(&self.states).filter(|(_, state)| state.unreadable).map(|(file, _)| file.name())
    }

    /// Files kept open.
    #[must_use]
    pub fn open_files(&self) -> usize {
        self.states.iter().filter(|state| matches!(state.handle, Handle::Kept(_))).count()
    }
}

/// Where a row's values go.
#[derive(Debug)]
pub struct RowValues<'a> {
    /// One value per column.
    pub values: &'a mut [i64],
    /// The columns that got one.
    pub present: ColumnSet,
}

/// What reading a cgroup's files came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing that was there before is gone.
    Alive,
    /// A file that had been read is gone and others are not: a controller was switched off, or the cgroup is being removed
    /// from one hierarchy after the other.
    Partly,
    /// No file is left: the cgroup is gone.
    Gone,
}

/// Which files one pass over a cgroup reads.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Read the stat class too.
    pub stat: bool,
    /// Read the limits too.
    pub limits: bool,
    /// Look again for files that were not there.
    pub missing: bool,
}

/// The reader: its buffer, the key orders it learnt, and how many files it may keep open.
#[derive(Debug)]
pub struct Reader {
    buffer: Vec<u8>,
    orders: Vec<KeyOrder>,
    user_hz: u64,
    may_keep_open: usize,
    kept_open: usize,
    counters: Arc<Counters>,
    devices: Vec<DeviceCount>,
}

/// One count of one block device, from the text that the sum over devices was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceCount {
    /// The device.
    pub device: DeviceNumber,
    /// The column of the sum, among the container's.
    pub column: Column,
    /// The count.
    pub value: i64,
}

impl Reader {
    /// A reader that keeps at most `may_keep_open` files open.
    #[must_use]
    pub fn new(plan: &Plan, may_keep_open: usize, counters: Arc<Counters>) -> Self {
        let orders = plan.files.iter().map(|file| KeyOrder::new(&file.slots)).collect();
        let user_hz = rustix::param::clock_ticks_per_second();
        Self {
            buffer: vec![0; BUFFER_BYTES],
            orders,
            user_hz,
            may_keep_open,
            kept_open: 0,
            counters,
            devices: Vec::new(),
        }
    }

    /// What the last reading of a cgroup told of its block devices; nothing where that was not read.
    #[must_use]
    pub fn devices(&self) -> &[DeviceCount] {
        &self.devices
    }

    /// Files this reader keeps open.
    #[must_use]
    pub fn kept_open(&self) -> usize {
        self.kept_open
    }

    /// Takes room for one more descriptor that is kept open beside the files; false where there is none.
    pub fn reserve(&mut self) -> bool {
        let room = self.kept_open < self.may_keep_open;
        self.kept_open += usize::from(room);
        room
    }

    /// Gives back what one [`Reader::reserve`] took.
    pub fn give_back(&mut self) {
        self.kept_open = self.kept_open.saturating_sub(1);
    }

    /// Gives back the files of a cgroup that ended, and what was reserved for it.
    pub fn release(&mut self, files: &CgroupFiles, reserved: usize) {
        self.kept_open = self.kept_open.saturating_sub(files.open_files() + reserved);
    }

    /// Reads the wanted files of the cgroup at `path` (below the hierarchies' roots) into a row.
    pub fn read(
        &mut self,
        (plan, path): (&Plan, &str),
        files: &mut CgroupFiles,
        wanted: Wanted,
        row: &mut RowValues<'_>,
    ) -> Outcome {
        self.devices.clear();
        let (mut there, mut gone, support_was_changed) = (false, false, files.support_changed);
        for (index, (file, state)) in plan.files.iter().zip(&mut files.states).enumerate() {
            let due = match file.class {
                Class::Fast => true,
                Class::Stat => wanted.stat,
                Class::Limit => wanted.limits,
            };
            if !due || (matches!(state.handle, Handle::Missing) && !wanted.missing) {
                continue;
            }
            let before = row.present;
            let result = self.read_file((index, file), path, state, row);
            let unreadable = matches!(result, Err(Some(ReadError::Denied | ReadError::Garbled | ReadError::Io)));
            there |= result.is_ok() || unreadable;
            gone |= result == Err(Some(ReadError::Gone));
            let delivered = row.present.difference(&before);
            if delivered != state.delivered || unreadable != state.unreadable {
                (state.delivered, state.unreadable) = (delivered, unreadable);
                files.support_changed = true;
            }
        }
        match (there, gone) {
            (true, false) => Outcome::Alive,
            (true, true) => Outcome::Partly,
            (false, _) => {
                self.counters.read_error(ReadError::Gone);
                files.support_changed = support_was_changed; // files that vanish with their cgroup were supported
                Outcome::Gone
            }
        }
    }

    /// Whether the cgroup that these files were opened in is gone, be there a new one of its name or not.
    #[must_use]
    pub fn is_gone(&self, files: &CgroupFiles) -> bool {
        let mut start = [0; 1];
        !files
            .states
            .iter()
            .any(|state| matches!(&state.handle, Handle::Kept(fd) if rustix::io::pread(fd, &mut start[..], 0).is_ok()))
    }

    /// Reads one file; `Err(None)` where the kernel does not have it.
    fn read_file(
        &mut self,
        (index, file): (usize, &PlannedFile),
        path: &str,
        state: &mut FileState,
        row: &mut RowValues<'_>,
    ) -> Result<(), Option<ReadError>> {
        let length = match &state.handle {
            Handle::Kept(fd) => pread_all(fd, &mut self.buffer),
            _ => self.open_and_read(file, path, state),
        };
        let parsed = match length {
            Ok(length) => self.parse((index, file), length, row).map_err(|cgroup::Garbled| Some(ReadError::Garbled)),
            Err(errno) => Err(self.failed(errno, state)),
        };
        // That a cgroup is gone is counted once for it, not for each of its files.
        if let Err(Some(class)) = parsed
            && class != ReadError::Gone
        {
            self.counters.read_error(class);
        }
        parsed
    }

    /// What an error means, and what becomes of the handle; `None` where the kernel does not have the file.
    fn failed(&mut self, errno: Errno, state: &mut FileState) -> Option<ReadError> {
        match errno {
            // PSI and some other files exist but cannot be read where the feature is off.
            Errno::NOENT | Errno::OPNOTSUPP => {
                self.drop_handle(state);
                None
            }
            // The cgroup was removed, or lost its controller; a new file of that name is looked for later.
            Errno::NODEV => {
                self.drop_handle(state);
                Some(ReadError::Gone)
            }
            Errno::ACCESS | Errno::PERM => Some(ReadError::Denied),
            _ => Some(ReadError::Io),
        }
    }

    fn drop_handle(&mut self, state: &mut FileState) {
        if let Handle::Kept(_) = std::mem::replace(&mut state.handle, Handle::Missing) {
            self.give_back();
        }
    }

    fn open_and_read(&mut self, file: &PlannedFile, path: &str, state: &mut FileState) -> Result<usize, Errno> {
        let open = |name| rustix::fs::open(file.sibling(path, name), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let fd = match (open(file.name()), fallback_file(file.name())) {
            (Err(Errno::NOENT), Some(other)) => open(other)?,
            (result, _) => result?,
        };
        let length = pread_all(&fd, &mut self.buffer)?;
        if file.class == Class::Limit {
            state.handle = Handle::Unkept;
        } else if self.kept_open < self.may_keep_open - self.may_keep_open / LIVES_SHARE {
            self.kept_open += 1;
            state.handle = Handle::Kept(fd);
        } else {
            self.counters.unkept_opens.increment();
            state.handle = Handle::Unkept;
        }
        Ok(length)
    }

    fn parse(
        &mut self,
        (index, file): (usize, &PlannedFile),
        length: usize,
        row: &mut RowValues<'_>,
    ) -> Result<(), cgroup::Garbled> {
        let (order, user_hz, mut line) = (&mut self.orders[index], self.user_hz, 0);
        cgroup::parse(file.format, &self.buffer[..length], &mut |key: &[u8], value| {
            if let Some(slot) = order.slot(line, key) {
                row.values[slot.column] = cgroup::convert(slot.convert, value, user_hz);
                row.present.insert(slot.column);
            }
            line += 1;
        })?;
        self.keep_devices(file, length);
        Ok(())
    }

    /// Of a text about block devices, keeps what it says of each.
    fn keep_devices(&mut self, file: &PlannedFile, length: usize) {
        let (text, devices) = (&self.buffer[..length], &mut self.devices);
        let each = |device, key: &[u8], value: u64| {
            if let Some(slot) = file.slots.iter().find(|slot| slot.key.as_bytes() == key) {
                devices.push(DeviceCount {
                    device,
                    column: slot.column,
                    value: i64::try_from(value).unwrap_or(i64::MAX),
                });
            }
        };
        match file.format {
            Format::IoStat => io::each_stat_device(text, each),
            Format::BlkioThrottle => io::each_throttle_device(text, each),
            _ => {}
        }
    }
}

/// Reads a whole file from its beginning, growing the buffer where it is too small.
fn pread_all(fd: &OwnedFd, buffer: &mut Vec<u8>) -> Result<usize, Errno> {
    loop {
        let length = match rustix::io::pread(fd, buffer.as_mut_slice(), 0) {
            Err(Errno::INTR) => continue,
            other => other?,
        };
        if length < buffer.len() || buffer.len() >= MAX_FILE_BYTES {
            return Ok(length);
        }
        buffer.resize(buffer.len() * 2, 0);
    }
}
