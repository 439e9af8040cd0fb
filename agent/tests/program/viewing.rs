//! `fgm-agent view`: a directory and the files of it, served by the program and left as they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use crate::rig::fake_cgroups::FakeCgroups;
use crate::rig::{Agent, Line, open_directory, recording};

fn view<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Agent {
    let paths = paths.into_iter().flat_map(|path| ["--data".as_ref(), path.as_os_str()]);
    Line::bare().args(["view", "--listen", "127.0.0.1:0"]).args(paths).start()
}

/// The points of each container, by its id.
fn points(viewer: &Agent) -> BTreeMap<String, Vec<(i64, f64)>> {
    let target = "/api/timeseries?metric=memory_current_bytes&range=all&points=all";
    let answer = crate::rig::client::get(viewer.listener("viewing"), target);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let list = |value: &Value| value.as_array().unwrap().clone();
    let points = |series: &Value| -> Vec<(i64, f64)> {
        let (times, values) = (list(&series["t"]), list(&series["v"]));
        times.iter().zip(&values).map(|(time, value)| (time.as_i64().unwrap(), value.as_f64().unwrap())).collect()
    };
    let id = |series: &Value| series["container"].as_str().expect("an id").to_owned();
    list(&answer.json()["series"]).iter().map(|series| (id(series), points(series))).collect()
}

/// Every file, with its size and the time of its last change.
fn state(directory: &Path) -> Vec<(PathBuf, u64, SystemTime)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let (path, about) = (entry.path(), entry.metadata().unwrap());
        if about.is_dir() {
            found.extend(state(&path));
        }
        found.push((path, about.len(), about.modified().unwrap()));
    }
    found.sort();
    found
}

#[test]
fn files_alone_or_together_show_what_their_directory_shows() {
    let (cgroups, data) = (FakeCgroups::with(3), open_directory());
    let arguments = ["--interval", "50ms", "--rotate", "1s"];
    let agent = Line::recording(cgroups.path(), data.path()).args(arguments).start().ready();
    agent.until_counter("rows_sampled_total", 300);
    agent.stop();
    let before = state(data.path());
    let files = recording::paths(&data.path().join("containers"), "parquet");
    assert!(files.len() >= 2, "{files:?}");

    let whole = view([data.path()]);
    let expected = points(&whole);
    assert!(expected.len() == 3 && expected.values().all(|points| points.len() >= 30), "{expected:?}");
    assert_eq!(points(&view(files.iter().map(PathBuf::as_path))), expected);

    let mut joined: BTreeMap<String, Vec<(i64, f64)>> = BTreeMap::new();
    for file in &files {
        for (id, points) in points(&view([file.as_path()])) {
            joined.entry(id).or_default().extend(points);
        }
    }
    joined.values_mut().for_each(|points| points.sort_by_key(|&(time, _)| time));
    assert_eq!(joined, expected, "each file alone, put together");
    assert_eq!(state(data.path()), before, "a view writes nothing");
    whole.stop();
}

/// What a page that `fgm-agent export` made holds inside itself.
#[cfg(feature = "ui")]
fn embedded(page: &str) -> Value {
    let element = "<script type=\"application/json\" id=\"fgm-embedded\">";
    let content = page.split_once(element).and_then(|(_, rest)| rest.split_once("</script>")).expect("the element").0;
    let content: Value = serde_json::from_str(content).unwrap();
    assert_eq!(content["version"], 1);
    content
}

#[test]
#[cfg(feature = "ui")]
fn a_part_of_a_recording_becomes_one_page_that_asks_nobody() {
    let (cgroups, data) = (FakeCgroups::with(2), open_directory());
    let arguments = ["--interval", "50ms", "--rotate", "1s"];
    let agent = Line::recording(cgroups.path(), data.path()).args(arguments).start().ready();
    agent.until_counter("rows_sampled_total", 200);
    agent.stop();
    let export =
        |words: &[&str]| Line::bare().args(["export", "--html", "--data", data.path().to_str().unwrap()]).args(words);
    let (code, page, _) = export(&["--panels", "memory_current_bytes"]).output();
    assert_eq!(code, Some(0));
    let content = embedded(&page);
    assert_eq!(content["drawer"], Value::Null, "nothing is open beside the charts");
    let replies = content["replies"].as_object().unwrap();
    let containers = replies["/api/containers?"]["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 2, "those that used the most");
    let series: Vec<&Value> =
        replies.iter().filter(|(key, _)| key.contains("metric=memory_current_bytes")).map(|(_, reply)| reply).collect();
    assert_eq!(series[0]["series"].as_array().unwrap().len(), 2);
    assert!(!page.contains("src=") && !page.contains("<link"), "nothing is fetched");

    for (words, sentence) in [
        (&["--panels", "no_such_metric"][..], "no_such_metric"),
        (&["--containers", "ffffffffffff"][..], "ffffffffffff"),
        (&["--from", "yesterday"][..], "from"),
        (&["--compare", "yesterday"][..], "no comparison"),
        (&["--compare", "with:ffffffffffff"][..], "ffffffffffff"),
        (&["--processes", "yesterday"][..], "no time"),
        (&["--link", "#panels=memory_current_bytes&range=fast"][..], "no duration"),
    ] {
        let refusal = export(words).refusal();
        assert!(refusal.contains(sentence), "{refusal}");
    }
}

#[test]
#[cfg(feature = "ui")]
fn a_page_has_the_processes_and_the_comparison_that_its_link_shows() {
    const METRIC: &str = "memory_current_bytes";
    let (cgroups, data) = (FakeCgroups::with(3), open_directory());
    let arguments = ["--interval", "50ms", "--rotate", "1s"];
    let agent = Line::recording(cgroups.path(), data.path()).args(arguments).start().ready();
    agent.until_counter("rows_sampled_total", 300);
    agent.stop();
    let viewer = view([data.path()]);
    let ask = |target: &str| {
        let answer = crate::rig::client::get(viewer.listener("viewing"), target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        answer.json()
    };
    let ids: Vec<String> = points(&viewer).into_keys().collect();
    let [one, other, third] = &ids[..] else { panic!("{ids:?}") };
    let export = |link: &str| {
        let line = Line::bare().args(["export", "--html", "--data", data.path().to_str().unwrap(), "--link", link]);
        let (code, page, said) = line.output();
        assert_eq!(code, Some(0), "{said}");
        embedded(&page)
    };

    let link = format!("#range=all&panels={METRIC}&containers={one},{third}&compare=with:{other}");
    let content = export(&link);
    assert_eq!(content["drawer"], "compare");
    let shown = content["view"].as_str().unwrap();
    assert!(shown.ends_with(&format!("&panels={METRIC}&containers={one},{third}&compare=with:{other}")), "{shown}");
    let replies = &content["replies"];
    let known = replies["/api/containers?"]["containers"].as_array().unwrap().iter();
    let known: Vec<&str> = known.filter_map(|container| container["id"].as_str()).collect();
    assert_eq!(known, [one, third, other], "the other one has its name, though no chart shows it");
    let range = format!("from={}&to={}", content["from"], content["to"]);
    for (part, id) in [("one", one), ("other", other)] {
        let live = ask(&format!("/api/timeseries?container={id}&metric={METRIC}&points=4000&{range}"));
        let saved = &replies[format!("/api/timeseries?container={id}&metric={METRIC}&part={part}")];
        assert!(live["series"][0]["t"].as_array().unwrap().len() >= 30, "{live}");
        assert_eq!(saved["series"], live["series"]);
        assert_eq!((&saved["from"], &saved["to"]), (&content["from"], &content["to"]));
    }
    let verdict = format!("/api/study/compare?container={one}&metric={METRIC}&with={other}");
    assert_eq!(replies[&verdict]["series"], ask(&format!("{verdict}&{range}"))["series"]);

    let content = export(&format!("#range=all&panels={METRIC}&containers={one},{third}&processes=end"));
    assert_eq!(content["drawer"], "processes");
    let at = content["to"].as_i64().unwrap().div_euclid(5_000) * 5_000;
    for id in [one, third] {
        let question = format!("/api/processes?at={at}&container={id}");
        assert_eq!(content["replies"][&question], ask(&question));
    }
    assert!(content["replies"].get(format!("/api/processes?at={at}&container={other}")).is_none());
}

#[test]
fn what_is_no_recording_is_refused_with_what_to_give_instead() {
    let directory = open_directory();
    let missing = directory.path().join("missing");
    let text = directory.path().join("text.parquet");
    std::fs::write(&text, "not a recording").unwrap();
    for (path, sentence) in [(&missing, "is not there"), (&text, "give a data directory, or sealed files of one")] {
        let refusal = Line::bare().args(["view", "--listen", "127.0.0.1:0", "--data"]).args([path]).refusal();
        assert!(refusal.ends_with(sentence) && refusal.contains(path.to_str().unwrap()), "{refusal}");
    }
}
