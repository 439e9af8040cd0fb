//! `kill -9` at random moments, two hundred times: nothing that was recorded is lost, doubled or unreadable.
//!
//! `FGM_TEST_SEED` repeats the moments of an earlier run, as far as the kernel's scheduler lets it.

#![allow(clippy::expect_used, clippy::print_stderr, unreachable_pub, reason = "a test program")]

mod rig;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rig::fake_cgroups::{FakeCgroups, overwrite};
use rig::{Agent, Line, eventually, open_directory, recording, within};

const KILLS: u64 = 200;
const CONTAINERS: usize = 5;

/// Each so many kills, the newest row that the API knew must be in the files.
const ASK_EVERY: u64 = 10;

#[test]
fn two_hundred_kills_lose_nothing_that_was_written_and_write_nothing_twice() {
    let seed = std::env::var("FGM_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(clock_seed);
    eprintln!("repeat with FGM_TEST_SEED={seed}");
    let (cgroups, data) = (FakeCgroups::with(CONTAINERS), open_directory());
    let line = || {
        let times = ["--interval", "10ms", "--rotate", "1s", "--spill-interval", "100ms"];
        Line::recording(cgroups.path(), data.path()).args(times)
    };
    let ended = AtomicBool::new(false);
    let promised = std::thread::scope(|scope| {
        scope.spawn(|| keep_counting(&cgroups, &ended));
        let mut random = Random(seed | 1);
        let mut promised = Vec::new();
        for kill in 1..=KILLS {
            let (begun, life) = (Instant::now(), Duration::from_millis(20 + random.next() % 231));
            let agent = line().start();
            if kill % ASK_EVERY == 0 {
                promised.extend(rows_surely_written(&agent));
            }
            // The moment is the point here: whatever the agent is doing then.
            std::thread::sleep(life.saturating_sub(begun.elapsed()));
            agent.kill();
        }
        ended.store(true, Relaxed);
        promised
    });
    let last = line().start().ready();
    // Up to two hundred spills, each of them with a sync for every table that it becomes a file of.
    within(Duration::from_secs(240), "recovery", || (last.status()["store"]["scanning"] == false).then_some(()));
    last.stop();

    for leftovers in ["spill", "tmp", "corrupt"] {
        assert_eq!(recording::paths(data.path(), leftovers), Vec::<std::path::PathBuf>::new());
    }
    let files = recording::files(data.path(), &["cpu_usage_usec"]);
    recording::assert_whole(&files);
    let rows = recording::by_container(files.into_iter().flat_map(|file| file.rows));
    assert_eq!(rows.len(), CONTAINERS);
    let count: usize = rows.values().map(Vec::len).sum();
    eprintln!("{count} rows of {KILLS} lives");
    // Some lives end before their first row; those that were asked did not.
    assert!(count as u64 > 2 * KILLS / ASK_EVERY * CONTAINERS as u64, "many of the lives left rows: {count}");
    assert!(rows.values().flatten().all(|row| row.values[0].is_some()));
    assert_eq!(promised.len() as u64, KILLS / ASK_EVERY * CONTAINERS as u64);
    for (id, time) in promised {
        assert!(rows[&id].iter().any(|row| row.time == time), "the row of {id} at {time} was known, and is lost");
    }
}

/// For each container a row that cannot be lost any more: a later tick was taken, so the tick of this one was written.
fn rows_surely_written(agent: &Agent) -> Vec<(String, i64)> {
    let newest = || {
        let containers = agent.get("/api/containers").json();
        let entries = containers["containers"].as_array().expect("containers").clone();
        let text = |entry: &serde_json::Value, key: &str| entry[key].as_str().expect("text").to_owned();
        let alive = entries.iter().filter(|entry| entry["alive"] == true);
        let mut rows: Vec<(String, i64)> =
            alive.map(|entry| (text(entry, "id"), micros(&text(entry, "last_seen")))).collect();
        rows.sort();
        rows
    };
    let first = eventually("rows", || Some(newest()).filter(|rows| rows.len() == CONTAINERS));
    eventually("later rows", || {
        newest().iter().zip(&first).all(|(later, row)| later.0 == row.0 && later.1 > row.1).then_some(())
    });
    first
}

fn micros(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>().expect("a time").as_microsecond()
}

/// Rewrites the counters of every container until told to end.
fn keep_counting(cgroups: &FakeCgroups, ended: &AtomicBool) {
    let mut count = 0_u64;
    while !ended.load(Relaxed) {
        count += 1;
        for container in 0..CONTAINERS {
            let directory = cgroups.container(container);
            overwrite(&directory.join("cpu.stat"), &format!("usage_usec {:08}\n", 10_000_000 + count));
            overwrite(&directory.join("memory.current"), &format!("{:09}\n", 200_000_000 + count));
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}

fn clock_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    u64::from(now.subsec_nanos())
}

/// Marsaglia's xorshift: good enough to choose moments.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
