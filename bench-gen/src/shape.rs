//! How a container behaves: its use of CPU, memory, disk and network over time, as numbers.
//!
//! Only says what is wanted; what the kernel makes of it is `account`'s. The surprise: a shape belongs to a slot, not to a
//! container: a container that is replaced goes on as the one before it did.

use crate::rng::Rng;

/// Pages of a mebibyte.
pub const MIB_PAGES: f64 = 256.0;

/// A kind of container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Wakes up a few times a second; its memory rests.
    Idle,
    /// A constant load with noise, in which the planted changes stand.
    Steady,
    /// Follows the hour of the day; others follow it.
    Diurnal,
    /// Does what another container does, some seconds later.
    Follower,
    /// Little load, then much for some seconds.
    Bursty,
    /// Allocates until a garbage collector frees most of it.
    Collected,
    /// Loses memory until it is killed at its limit.
    Leak,
    /// Wants more than its CPU quota in some spans.
    Throttled,
    /// Works at a fixed period.
    Cron,
    /// Ends with an error soon after each start, in some episodes.
    CrashLoop,
    /// Its worker is killed at the memory limit, and started again; the container stays.
    WorkerOom,
    /// Reads and writes files through a large page cache.
    Database,
    /// A cache: its memory moves by pages and has planted changes.
    Cache,
}

/// How the anonymous memory moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Memory {
    /// Rests, but for a few pages now and then.
    Rests,
    /// Moves around its level with this standard deviation in pages.
    Moves(f64),
    /// Grows by so many pages a second at load 1, up to this multiple of its level, then falls back.
    Sawtooth(f64, f64),
    /// Grows until the limit ends it.
    Leaks,
}

/// A load that comes and goes at a fixed period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wave {
    /// Its period in seconds.
    pub period_s: f64,
    /// Full load for a fifth of the period and none in the rest; else a sine.
    pub is_square: bool,
    /// Half of the difference of its extremes, in standard deviations of the noise.
    pub sigmas: f64,
}

/// What a container does.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// CPU at load 1, in cores.
    pub cores: f64,
    /// Standard deviation of the load's noise.
    pub noise: f64,
    /// How much of the noise is still there after a second.
    pub memory_of_noise: f64,
    /// How far the load follows the hour of the day.
    pub diurnal: f64,
    /// Bursts per hour, their mean length in seconds, and the load in them.
    pub bursts: Option<(f64, f64, f64)>,
    /// A load at a fixed period.
    pub wave: Option<Wave>,
    /// CPU limit in cores.
    pub quota_cores: Option<f64>,
    /// Anonymous memory, in pages.
    pub anon_pages: f64,
    /// How it moves.
    pub memory: Memory,
    /// Memory limit in pages.
    pub limit_pages: Option<f64>,
    /// Page cache that it comes to have, in pages.
    pub file_pages: f64,
    /// Bytes read from disk per second at load 1.
    pub read_bytes: f64,
    /// Bytes written per second at load 1.
    pub write_bytes: f64,
    /// Requests per second at load 1.
    pub requests: f64,
    /// Threads.
    pub threads: i64,
    /// Processes.
    pub processes: u32,
    /// The part of the CPU time that is the kernel's.
    pub system_share: f64,
    /// Whether its user time is niced.
    pub is_nice: bool,
    /// The part of new anonymous memory that comes in huge pages.
    pub huge: f64,
}

impl Profile {
    /// The shape of the `number`th slot of this profile.
    #[must_use]
    pub fn shape(self, number: usize, rng: &mut Rng) -> Shape {
        let calm = Shape {
            cores: rng.between(0.0003, 0.002),
            noise: 0.05,
            memory_of_noise: 0.3,
            diurnal: 0.0,
            bursts: None,
            wave: None,
            quota_cores: None,
            anon_pages: rng.between(6.0, 20.0) * MIB_PAGES,
            memory: Memory::Rests,
            limit_pages: None,
            file_pages: rng.between(4.0, 12.0) * MIB_PAGES,
            read_bytes: 0.0,
            write_bytes: 0.0,
            requests: 0.2,
            threads: 8,
            processes: 1,
            system_share: rng.between(0.25, 0.45),
            is_nice: false,
            huge: 0.0,
        };
        let serving = Shape {
            cores: rng.between(0.15, 0.45),
            anon_pages: rng.between(80.0, 220.0) * MIB_PAGES,
            limit_pages: Some(512.0 * MIB_PAGES),
            memory: Memory::Moves(40.0),
            file_pages: rng.between(20.0, 60.0) * MIB_PAGES,
            write_bytes: rng.between(2e3, 2e4),
            requests: rng.between(40.0, 160.0),
            threads: 14,
            system_share: rng.between(0.18, 0.3),
            ..calm.clone()
        };
        self.of((calm, serving), number)
    }

    fn of(self, (calm, serving): (Shape, Shape), number: usize) -> Shape {
        match self {
            Self::Idle => calm,
            Self::Steady => Shape { noise: 0.04, wave: steady_wave(number), ..serving },
            Self::Diurnal => Shape { noise: 0.12, memory_of_noise: 0.95, diurnal: 0.4, processes: 3, ..serving },
            Self::Follower => Shape { noise: 0.12, memory_of_noise: 0.95, quota_cores: Some(2.0), ..serving },
            Self::Bursty => Shape {
                cores: 0.06,
                noise: 0.1,
                bursts: Some((24.0, 20.0, 12.0)),
                read_bytes: 4e4,
                memory: Memory::Moves(120.0),
                processes: 2,
                ..serving
            },
            Self::Collected => Shape {
                memory: Memory::Sawtooth(380.0, 2.1),
                limit_pages: Some(1024.0 * MIB_PAGES),
                threads: 42,
                huge: 0.5,
                ..serving
            },
            Self::Leak => Shape { memory: Memory::Leaks, limit_pages: Some(384.0 * MIB_PAGES), ..serving },
            Self::Throttled => Shape {
                cores: 0.2,
                noise: 0.05,
                quota_cores: Some(0.5),
                is_nice: true,
                read_bytes: 2e5,
                write_bytes: 1e5,
                threads: 9,
                processes: 2,
                ..serving
            },
            Self::Cron => Shape { cores: 0.12, noise: 0.06, wave: cron_wave(number), requests: 1.0, ..serving },
            Self::CrashLoop => Shape { cores: 0.05, memory: Memory::Rests, requests: 1.0, ..serving },
            Self::WorkerOom => {
                Shape { memory: Memory::Leaks, limit_pages: Some(256.0 * MIB_PAGES), processes: 2, ..serving }
            }
            Self::Database => Shape {
                cores: 0.3,
                noise: 0.1,
                memory_of_noise: 0.7,
                wave: sine_wave(180.0, 3.0),
                file_pages: 900.0 * MIB_PAGES,
                limit_pages: Some(1024.0 * MIB_PAGES),
                quota_cores: Some(2.0),
                read_bytes: 3e5,
                write_bytes: 4e5,
                threads: 24,
                processes: 3,
                ..serving
            },
            Self::Cache => {
                Shape { cores: 0.04, wave: sine_wave(90.0, 4.0), memory: Memory::Moves(60.0), threads: 5, ..serving }
            }
        }
    }
}

fn steady_wave(number: usize) -> Option<Wave> {
    // Half of them: what has no period must be there as well.
    let sines = [(120.0, 1.0), (240.0, 2.0), (75.0, 1.5)];
    let (period_s, sigmas) = sines[number / 2 % sines.len()];
    (number % 2 == 1).then_some(Wave { period_s, is_square: false, sigmas })
}

fn sine_wave(period_s: f64, sigmas: f64) -> Option<Wave> {
    Some(Wave { period_s, is_square: false, sigmas })
}

fn cron_wave(number: usize) -> Option<Wave> {
    let squares = [(60.0, 10.0), (300.0, 6.0), (37.0, 3.0), (600.0, 8.0)];
    let (period_s, sigmas) = squares[number % squares.len()];
    Some(Wave { period_s, is_square: true, sigmas })
}
