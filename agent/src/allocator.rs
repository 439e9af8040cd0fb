//! The allocator of every program that links this library: memory that was freed goes back to the kernel soon.
//!
//! glibc's keeps what a merge or a large answer once took, so the agent grew for its first day ([ADR 12]). What C libraries
//! allocate (zstd's contexts) stays with the C library.
//!
//! [ADR 12]: ../../docs/adr/0012-jemalloc.md

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
