//! Kernel files that are not what the kernel documents, and names that nobody should give: the agent goes on, and what is
//! good is recorded.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::rig::client::request;
use crate::rig::fake_cgroups::FakeCgroups;
use crate::rig::{Line, eventually, open_directory, recording};

#[test]
fn garbage_costs_its_own_columns_only_and_is_counted() {
    let (cgroups, data) = (FakeCgroups::with(3), open_directory());
    let bad = cgroups.container(1);
    fs::write(bad.join("memory.current"), "not a number\n").unwrap();
    fs::write(bad.join("memory.peak"), [0u8, 159, 146, 150, 10, 255]).unwrap();
    fs::write(bad.join("pids.current"), "").unwrap();
    fs::write(bad.join("cpu.pressure"), "some avg10=0.00 avg60=0.").unwrap();
    fs::write(bad.join("memory.stat"), "anon 4096\nfile ").unwrap();
    fs::write(bad.join("memory.events"), "low 0\n".repeat(2 << 20 >> 1)).unwrap();
    fs::write(bad.join("io.stat"), vec![b'x'; 2 << 20]).unwrap();
    fs::write(bad.join("cpu.max"), "50000\n100000").unwrap();
    fs::remove_file(bad.join("pids.peak")).unwrap();
    fs::create_dir(bad.join("pids.peak")).unwrap();
    fs::remove_file(bad.join("memory.swap.current")).unwrap();
    let agent = Line::recording(cgroups.path(), data.path()).args(["--interval", "50ms"]).start().ready();
    let errors = |class: &str| agent.status()["counters"]["read_errors_total"][class].as_u64();
    eventually("six garbled files in five readings", || errors("garbled").filter(|&count| count >= 6 * 5));
    let status = agent.status();
    let named = status["agent"]["unreadable"].to_string();
    for file in ["memory.current", "memory.peak", "pids.current", "cpu.pressure", "io.stat", "cpu.max", "pids.peak"] {
        assert!(named.contains(&format!("\"{file}\"")), "{file}: {named}");
    }
    agent.stop();

    let (good, none) = (["cpu_usage_usec", "memory_pressure_some_usec"], ["memory_current_bytes", "pids_current"]);
    let files = recording::files(data.path(), &[good, none].concat());
    let rows = recording::by_container(files.iter().flat_map(|file| file.rows.clone()));
    assert!(rows[&FakeCgroups::id(1)].iter().all(|row| matches!(row.values[..], [Some(_), Some(_), None, None])));
    for whole in [0, 2] {
        assert!(rows[&FakeCgroups::id(whole)].iter().all(|row| row.values.iter().all(Option::is_some)));
    }
    let entry = recording::entry(&files[0], &FakeCgroups::id(1));
    let (unreadable, unsupported) = (entry.unreadable, entry.unsupported);
    let has = |set, column: &str| recording::column_set(&files[0], set).iter().any(|name| name == column);
    assert!(has(unreadable, "memory_current_bytes") && !has(unsupported, "memory_current_bytes"));
    assert!(has(unsupported, "memory_swap_current_bytes") && !has(unreadable, "memory_swap_current_bytes"));
}

#[test]
fn a_file_whose_reading_fails_with_eio_costs_its_own_column_only_and_is_counted() {
    let (cgroups, data) = (FakeCgroups::with(2), open_directory());
    let bad = cgroups.container(1).join("memory.current");
    fs::remove_file(&bad).unwrap();
    // The first page of a process is not mapped: reading there is EIO.
    std::os::unix::fs::symlink("/proc/self/mem", &bad).unwrap();
    let agent = Line::recording(cgroups.path(), data.path()).args(["--interval", "50ms"]).start().ready();
    let errors = || agent.status()["counters"]["read_errors_total"]["io"].as_u64();
    eventually("a failure of each of five readings", || errors().filter(|&count| count >= 5));
    agent.stop();
    let rows = recording::by_container(recording::rows(data.path(), &["cpu_usage_usec", "memory_current_bytes"]));
    assert!(rows[&FakeCgroups::id(1)].iter().all(|row| matches!(row.values[..], [Some(_), None])));
    assert!(rows[&FakeCgroups::id(0)].iter().all(|row| row.values.iter().all(Option::is_some)));
}

#[test]
fn a_file_that_turns_bad_while_it_is_read_and_good_again_is_recorded_again() {
    let (cgroups, data) = (FakeCgroups::with(1), open_directory());
    let agent = Line::recording(cgroups.path(), data.path()).args(["--interval", "20ms"]).start().ready();
    let file = cgroups.container(0).join("memory.current");
    let garbled = || agent.status()["counters"]["read_errors_total"]["garbled"].as_u64().unwrap();
    fs::write(&file, "junk").unwrap();
    eventually("bad reads", || (garbled() >= 3).then_some(()));
    fs::write(&file, "4096\n").unwrap();
    let sampled = agent.counter("rows_sampled_total");
    agent.until_counter("rows_sampled_total", sampled + 5);
    fs::remove_file(cgroups.container(0).join("memory.max")).unwrap();
    agent.until_counter("rows_sampled_total", sampled + 10);
    agent.stop();
    let rows = recording::rows(data.path(), &["memory_current_bytes", "cpu_usage_usec"]);
    let current: Vec<_> = rows.iter().map(|row| row.values[0]).collect();
    assert_eq!((current[0], current.contains(&None), *current.last().unwrap()), (Some(161_619_968), true, Some(4096)));
    assert!(rows.iter().all(|row| row.values[1].is_some()), "the other files were read throughout");
}

#[test]
fn names_with_quotes_newlines_and_broken_unicode_do_not_break_any_answer() {
    let (cgroups, data) = (FakeCgroups::with(1), open_directory());
    let names: [&[u8]; 4] =
        [b"with \"quotes\" and \\", b"two\nlines", b"broken\xff\xfeunicode", "snow\u{2603}".as_bytes()];
    for name in names {
        cgroups.add_named(&cgroups.pod().join(OsStr::from_bytes(name)));
    }
    let agent = Line::recording(cgroups.path(), data.path()).args(["--interval", "50ms"]).start().ready();
    // A cgroup whose name is no text at all cannot be named in a column of text: it is left out, the others are not.
    eventually("four containers", || (agent.counter("containers") >= 4).then_some(()));
    let containers = agent.get("/api/containers").json();
    let ids: Vec<_> = containers["containers"].as_array().unwrap().iter().map(|e| e["id"].as_str().unwrap()).collect();
    for name in ["with \"quotes\" and \\", "two\nlines", "snow\u{2603}"] {
        assert!(ids.contains(&name), "{name:?}: {ids:?}");
    }
    for accept in ["application/openmetrics-text", "text/plain;version=0.0.4"] {
        let metrics = request(agent.address(), "GET", "/metrics", &format!("Host: localhost\r\nAccept: {accept}\r\n"));
        for escaped in [r#"name="with \"quotes\" and \\""#, r#"name="two\nlines""#, "name=\"snow\u{2603}\""] {
            assert!(metrics.body.contains(escaped), "{accept}: {escaped}");
        }
        for line in metrics.body.lines().filter(|line| !line.starts_with('#')) {
            let number = line.rsplit_once(' ').map(|(_, number)| number.parse::<f64>());
            assert!(matches!(number, Some(Ok(_))), "{line:?}");
        }
    }
    agent.stop();
    let rows = recording::by_container(recording::rows(data.path(), &[]));
    assert!(rows.contains_key("two\nlines") && rows.contains_key("with \"quotes\" and \\"));
}
