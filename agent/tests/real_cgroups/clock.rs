//! The wall clock steps an hour back and forth, on a machine that is made for it: never on this one.

use std::process::Command;

use fgm_agent::clock::wall;
use fgm_agent::event::Kind;

use crate::QUICK;
use crate::bed::{self, Bed};
use crate::watch::{Watch, number};

const HOUR_SECONDS: i64 = 3600;

/// Sets the clock of this machine, which must be a User-Mode Linux of its own.
fn step(seconds: i64) {
    let version = std::fs::read_to_string("/proc/cpuinfo").expect("readable");
    assert!(version.contains("User Mode Linux"), "this sets the clock, and is only for a machine of its own");
    let to = wall() / 1_000_000 + seconds;
    let status = Command::new("date").args(["-s", &format!("@{to}")]).status().expect("date");
    assert!(status.success(), "date -s: {status}");
}

#[test]
#[ignore = "sets the clock: run on a machine of its own by the test below"]
fn an_hours_step_back_and_forth_is_told_and_sampling_goes_on() {
    let mut watch = Watch::start(QUICK);
    let bed = Bed::new();
    watch.until("rows", |watch| watch.rows_of(&bed.container_id).count() >= 3);
    for (steps, seconds) in [-HOUR_SECONDS, HOUR_SECONDS].into_iter().enumerate() {
        step(seconds);
        let told =
            |watch: &Watch| watch.events.iter().filter(|(event, ..)| event.kind == Kind::ClockStep.as_str()).count();
        watch.until("its event", |watch| told(watch) == steps + 1);
        let (event, row, values) = watch.events.iter().rfind(|(event, ..)| event.kind == "clock_step").expect("told");
        let event = (&**event, row, values.as_slice());
        let stepped = number(&event, "new_value").expect("new") - number(&event, "old_value").expect("old");
        assert!((stepped - seconds * 1_000_000).abs() < 5_000_000, "{stepped}");
        let rows = watch.rows_of(&bed.container_id).count();
        watch.until("rows after it", |watch| watch.rows_of(&bed.container_id).count() >= rows + 3);
    }
    assert!(watch.seals >= 2, "each step ends a segment");
}

/// The test above on a machine of its own (User-Mode Linux, see the contributing notes).
#[test]
fn the_clock_steps_on_a_machine_of_its_own() {
    let test = "clock::an_hours_step_back_and_forth_is_told_and_sampling_goes_on";
    bed::run_on_cgroup_v2(&["--exact", test, "--ignored", "--nocapture"]);
}
