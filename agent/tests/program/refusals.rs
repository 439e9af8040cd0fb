//! What the agent refuses: one sentence that says what to do next, and exit code 2.

use std::net::TcpListener;

use crate::rig::fake_cgroups::FakeCgroups;
use crate::rig::{Line, open_directory, recording};

#[test]
fn flags_that_make_no_sense_are_refused() {
    for (arguments, words) in [
        (&["--interval", "5ms"][..], "the sampling interval must be between 10ms and 60s"),
        (&["--interval", "soon"], "soon"),
        (&["--rotate", "0s"], "must be between 1s and 1h"),
        (&["--tail-bytes", "1"], "the tail needs at least 1MiB"),
        (&["--scope", "some"], "the scope is one of containers, all"),
        (&["--listen", "nowhere"], "an address is an IP address and a port"),
        (&["--worktree", "../up"], "cannot be used"),
        (&["--node-name", "a/b"], "cannot be used"),
        (&["--cpu-budget", "0"], "above 0 and at most 100"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["fly"], "fly"),
    ] {
        let sentence = Line::bare().args(arguments).refusal();
        assert!(sentence.contains(words), "{arguments:?}: {sentence}");
        let (_, stdout, stderr) = Line::bare().args(arguments).output();
        assert_eq!(stdout, "");
        assert_eq!(stderr, format!("error: {sentence}\ntry 'fgm-agent --help'\n"));
    }
}

#[test]
fn variables_that_make_no_sense_are_refused() {
    let sentence = Line::bare().env("FGM_INTERVAL", "an hour").refusal();
    assert!(sentence.contains("--interval"), "{sentence}");
}

#[test]
fn an_explicit_data_directory_that_cannot_be_made_is_refused() {
    let (cgroups, directory) = (FakeCgroups::with(1), open_directory());
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    for data in [file.join("data"), file.clone(), "/proc/fgm".into()] {
        let sentence = Line::recording(cgroups.path(), &data).refusal();
        assert!(sentence.starts_with(&format!("{} can't be used as the data directory", data.display())), "{sentence}");
        assert!(sentence.ends_with("make it writable or choose another --data"), "{sentence}");
    }
}

#[test]
fn a_directory_of_something_else_is_refused_and_left_alone() {
    let (cgroups, data) = (FakeCgroups::with(1), open_directory());
    std::fs::write(data.path().join("thesis.txt"), "words").unwrap();
    let sentence = Line::recording(cgroups.path(), data.path()).refusal();
    assert!(sentence.contains("is not empty and is not fgm-agent's"), "{sentence}");
    assert!(sentence.ends_with("choose an empty or new directory with --data"), "{sentence}");
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 1);
}

#[test]
fn a_directory_of_a_newer_agent_is_refused_and_left_alone() {
    let (cgroups, data) = (FakeCgroups::with(1), open_directory());
    std::fs::write(data.path().join("_fgm.json"), "{\"format_version\": 99}").unwrap();
    let sentence = Line::recording(cgroups.path(), data.path()).refusal();
    assert!(sentence.contains("was written by a newer fgm-agent (format 99;"), "{sentence}");
    assert!(sentence.ends_with("upgrade, or choose another --data"), "{sentence}");
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 1);
}

#[test]
fn an_address_in_use_is_refused_and_names_the_flag() {
    let (cgroups, data) = (FakeCgroups::with(1), open_directory());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--listen", "--metrics-listen"] {
        let line = Line::bare().args(["--cgroup-root".as_ref(), cgroups.path(), "--data".as_ref(), data.path()]);
        let line = if flag == "--listen" { line } else { line.args(["--listen", "127.0.0.1:0"]) };
        let sentence = line.args([flag, &address]).refusal();
        assert!(sentence.starts_with(&format!("cannot listen on {address}: ")), "{sentence}");
        assert!(sentence.ends_with(&format!("choose another address with {flag}")), "{sentence}");
    }
}

#[test]
fn a_root_without_cgroups_is_refused() {
    let (empty, data) = (open_directory(), open_directory());
    for root in [empty.path().to_owned(), empty.path().join("absent")] {
        let sentence = Line::recording(&root, data.path()).refusal();
        assert!(sentence.contains(&*root.to_string_lossy()), "{sentence}");
        assert!(sentence.ends_with("name the directory where cgroups are mounted with --cgroup-root"), "{sentence}");
    }
}

#[test]
fn damaged_files_in_the_directory_are_set_aside_and_do_not_stop_it() {
    let (cgroups, data) = (FakeCgroups::with(2), open_directory());
    Line::recording(cgroups.path(), data.path()).start().ready().stop();
    let whole = recording::paths(data.path(), "parquet").remove(0);
    let damaged = whole.with_file_name("20200101T000000.000000Z-20200101T000001.000000Z.parquet");
    std::fs::write(&damaged, &std::fs::read(&whole).unwrap()[..5000]).unwrap();
    let spill = data.path().join("_spill/20200101T000000.000000Z-1-000001.spill");
    std::fs::write(&spill, b"no spill at all").unwrap();

    let agent = Line::recording(cgroups.path(), data.path()).start().ready();
    agent.until_counter("files_set_aside_total", 2);
    agent.stop();
    let set_aside = recording::paths(data.path(), "corrupt");
    assert_eq!(set_aside.len(), 2, "{set_aside:?}");
    assert!(!damaged.exists() && !spill.exists());
    let files = recording::files(data.path(), &[]);
    recording::assert_whole(&files);
    assert!(files.len() >= 2, "what was whole before, and the second run's: {}", files.len());
}
