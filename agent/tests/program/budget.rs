//! The CPU budget: what is left out when sampling costs more than it may, and who is told.

use crate::rig::fake_cgroups::FakeCgroups;
use crate::rig::{Line, eventually, open_directory};

#[test]
fn above_the_budget_readings_are_left_out_counted_and_told_as_events() {
    let (cgroups, data) = (FakeCgroups::with(30), open_directory());
    let line = Line::recording(cgroups.path(), data.path()).args(["--interval", "20ms", "--cpu-budget", "0.01"]);
    let agent = line.start().ready();
    let level = || agent.status()["agent"]["cost"]["shed_level"].as_u64().expect("a level");
    eventually("the first step", || (level() >= 1).then_some(()));
    let events = eventually("its event", || {
        let events = agent.get("/api/events?kind=reads_shed").json()["events"].as_array().expect("events").clone();
        (!events.is_empty()).then_some(events)
    });
    let first = events.last().expect("an event");
    assert_eq!((&first["old_value"], &first["new_value"]), (&0.into(), &1.into()), "{first}");
    assert!(first["message"].as_str().expect("words").contains("PSS and open descriptors"), "{first}");
    assert!(!agent.status()["agent"]["cost"]["shed"].as_str().expect("words").is_empty());
    agent.stop();
}
