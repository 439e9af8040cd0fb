//! The allocator of every program that links this library: memory that was freed goes back to the kernel soon.
//!
//! glibc's keeps what a merge or a large answer once took, so the agent grew for its first day ([ADR 12]). What C libraries
//! allocate (zstd's contexts) stays with the C library.
//!
//! [ADR 12]: ../../docs/adr/0012-jemalloc.md

use std::ffi::{CStr, c_uint};
use std::marker::PhantomData;
use std::ptr;
use std::sync::OnceLock;

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// jemalloc's options, which it reads as a C string through a pointer of this name before its first allocation:
/// two arenas, as few threads allocate at once; freed pages are kept for 200 ms and then given back; each thread keeps
/// freed blocks of up to 8 KiB alone for itself; blocks of up to 1 KiB share a single page with others of their size, where one
/// that lives long among many that do not would otherwise hold up to seven.
#[expect(unsafe_code, reason = "a name that the linker joins with jemalloc's; nothing else in the program has it")]
#[unsafe(export_name = "_rjem_malloc_conf")]
static OPTIONS: &[u8] = b"narenas:2,dirty_decay_ms:200,muzzy_decay_ms:0,lg_tcache_max:13,slab_sizes:8-1024:1\0";

/// Whether this thread keeps blocks that it freed, to have them at hand.
const KEEPS_FREED: Name<bool> = Name(c"thread.tcache.enabled", PhantomData);
/// The arena that this thread allocates from.
const ARENA: Name<c_uint> = Name(c"thread.arena", PhantomData);
/// Asked for, one more arena is made.
const NEW_ARENA: Name<c_uint> = Name(c"arenas.create", PhantomData);
/// Free pages of all arenas (4096 is `MALLCTL_ARENAS_ALL`) are given back.
const GIVE_BACK: Name<()> = Name(c"arena.4096.purge", PhantomData);

/// This thread keeps no freed blocks for itself from now on: what it allocates next lies on the first page with room, not where
/// it last freed something. For threads that free much and keep little of it, but that for weeks.
pub(crate) fn keep_no_freed_blocks() {
    KEEPS_FREED.set(false);
}

/// What this thread allocates from now on shares no pages with what others do, who may keep one of their blocks for weeks.
/// Threads that ask for it share an arena.
pub(crate) fn allocate_apart() {
    static APART: OnceLock<Option<c_uint>> = OnceLock::new();
    if let Some(arena) = *APART.get_or_init(|| NEW_ARENA.get()) {
        ARENA.set(arena);
    }
}

/// Gives the free pages of all arenas back to the kernel now; those of threads that are idle would stay until they allocate.
pub(crate) fn give_pages_back() {
    GIVE_BACK.call(None, None);
}

/// A name of jemalloc's interface and the type of its value, as jemalloc's manual has them.
struct Name<T>(&'static CStr, PhantomData<T>);

impl<T: Copy + Default> Name<T> {
    fn set(&self, mut value: T) {
        self.call(None, Some(&mut value));
    }

    fn get(&self) -> Option<T> {
        let mut value = T::default();
        let is_told = self.call(Some(&mut value), None);
        if is_told { Some(value) } else { None }
    }

    /// Whether jemalloc did it. Each call is a wish: what is not done costs memory alone.
    #[expect(
        unsafe_code,
        reason = "jemalloc writes to the one and reads the other, of the size of the name's type, or neither"
    )]
    fn call(&self, old: Option<&mut T>, new: Option<&mut T>) -> bool {
        let mut size = size_of::<T>();
        let old_size = if old.is_some() { &raw mut size } else { ptr::null_mut() };
        let new_size = if new.is_some() { size_of::<T>() } else { 0 };
        let place = |value: Option<&mut T>| value.map_or(ptr::null_mut(), |value| ptr::from_mut(value).cast());
        unsafe { tikv_jemalloc_sys::mallctl(self.0.as_ptr(), place(old), old_size, place(new), new_size) == 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jemalloc_reads_the_options_and_does_what_it_is_asked_for() {
        assert_eq!(Name::<c_uint>(c"opt.narenas", PhantomData).get(), Some(2));
        std::thread::spawn(|| {
            keep_no_freed_blocks();
            assert_eq!(KEEPS_FREED.get(), Some(false));
            let before = ARENA.get();
            allocate_apart();
            assert!(ARENA.get().is_some() && ARENA.get() != before);
        })
        .join()
        .unwrap();
        assert!(GIVE_BACK.call(None, None));
    }
}
