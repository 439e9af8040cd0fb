//! Intervals below a second: what is expensive is read once a second and null in between, limits are in every row.

use crate::rig::fake_cgroups::FakeCgroups;
use crate::rig::{Line, open_directory, recording};

#[test]
fn below_a_second_statistics_are_null_between_their_readings_and_limits_are_in_every_row() {
    let (cgroups, data) = (FakeCgroups::with(3), open_directory());
    let agent = Line::recording(cgroups.path(), data.path()).args(["--interval", "100ms"]).start().ready();
    agent.until_counter("ticks_total", 35);
    agent.stop();
    let columns = ["memory_stat_anon_bytes", "io_read_bytes", "memory_max_bytes", "cpu_quota_usec", "cpu_usage_usec"];
    let files = recording::files(data.path(), &columns);
    recording::assert_whole(&files);
    for (id, rows) in recording::by_container(files.into_iter().flat_map(|file| file.rows)) {
        assert!(rows.len() > 30, "{} rows", rows.len());
        assert!(rows.iter().all(|row| row.values[2] == Some(201_326_592) && row.values[3] == Some(50_000)), "{id}");
        assert!(rows.iter().all(|row| row.values[4].is_some()));
        let read: Vec<usize> = (0..rows.len()).filter(|&row| rows[row].values[0].is_some()).collect();
        assert_eq!(read[0], 0, "the first row has everything");
        // The first reading is at the birth, the others every tenth tick from where the container's turn is.
        assert!(read.len() >= 4 && read[1..].windows(2).all(|pair| pair[1] - pair[0] == 10), "{read:?}");
        assert!(rows.iter().all(|row| row.values[0].is_some() == row.values[1].is_some()));
    }
}
