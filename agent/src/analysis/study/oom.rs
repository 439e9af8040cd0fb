//! The story of each OOM kill: how memory grew to the limit, how hard the kernel tried, whom it killed, and what came after.
//!
//! Told from the container's series and its events. Growth is looked for backwards from the kill: to where memory was last well below
//! what it was in the end. The surprise: what is told is the course before the kill, not its cause; a node that ran out of memory kills
//! containers far below their limit, and then the story says so.

use crate::analysis::study::words::{self, Words};
use crate::analysis::study::{
    About, Finding, Happening, Input, Needs, Of, Parameter, Report, Settings, Severity, Signal, Study, measure, robust,
};
use crate::model::UnixMicros;

const CURRENT: &str = "memory_current_bytes";
const LIMIT: &str = "memory_max_bytes";
const PRESSURE: &str = "memory_pressure_some_percent";
const RECLAIM: &str = "memory_stat_pgsteal_per_second";
/// Page cache comes and goes, and fills what is free up to the limit: growth is of the rest.
const HELD: &str = "memory_working_set_bytes";
const SERIES: &[&str] = &[CURRENT, HELD, LIMIT, PRESSURE, RECLAIM];

const SECOND: i64 = 1_000_000;
/// Kills so shortly after each other are one story.
const ONE_STORY: i64 = 10 * SECOND;
/// Below this share of what it had in the end, memory was well below.
const WELL_BELOW: f64 = 0.9;
/// From this share of its limit on, memory was at it.
const AT_LIMIT: f64 = 0.9;
/// What comes within this time after a kill belongs to it.
const AFTER: i64 = 300 * SECOND;
/// Pages are told in bytes.
const PAGE_BYTES: f64 = 4096.0;

static BEFORE: Parameter = Parameter {
    name: "before_seconds",
    help: "how long before a kill pressure and reclaim are looked at, in seconds",
    default: 300.0,
    min: 1.0,
    max: 86_400.0,
};

static ABOUT: About = About {
    id: "oom",
    name: "OOM story",
    description: "Each OOM kill as one story: the growth to the limit, pressure and reclaim before it, the victim, and the end or \
                  restart after it.",
    needs: Needs::Container(SERIES),
    parameters: &[BEFORE],
};

/// Tells the story of each OOM kill.
#[derive(Clone, Copy, Debug)]
pub struct OomStory;

impl Study for OomStory {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, input: &Input<'_>, settings: &Settings) -> Report {
        let kills: Vec<&Happening> =
            input.happenings.iter().filter(|one| one.kind == "oom_kill" && one.is_own).collect();
        let mut stories: Vec<Vec<&Happening>> = Vec::new();
        for kill in kills {
            match stories.last_mut() {
                Some(story) if story.last().is_some_and(|last| kill.time - last.time <= ONE_STORY) => story.push(kill),
                _ => stories.push(vec![kill]),
            }
        }
        if stories.is_empty() {
            return Report::none("no OOM kill is recorded in this range");
        }
        let before = (settings.get(&BEFORE) * 1e6) as i64;
        let mut since = UnixMicros::MIN;
        let mut findings = Vec::new();
        for story in &stories {
            findings.extend(tell(input, story, Before { long: before, since }));
            since = story.last().map_or(since, |kill| kill.time);
        }
        Report { findings, notes: Vec::new() }
    }
}

/// What of the time before a kill belongs to its story.
#[derive(Clone, Copy, Debug)]
struct Before {
    /// So long, for pressure and reclaim.
    long: i64,
    /// For growth: after the kill before.
    since: UnixMicros,
}

fn tell(input: &Input<'_>, kills: &[&Happening], before: Before) -> Option<Finding> {
    let (first, last) = (kills.first()?, kills.last()?);
    let killed = first.time;
    let bytes = Words { unit: "bytes" };
    let mut told =
        Told { measures: vec![measure("kills", kills.len() as f64, Of::Count)], parts: Vec::new(), from: killed };
    let memory = input.other(HELD).or_else(|| input.other(CURRENT));
    let growth = memory.and_then(|memory| Growth::before(&memory.part(before.since, killed)));
    let limit = input.other(LIMIT).and_then(|limit| last_before(limit, killed));
    if let Some(growth) = growth {
        told.grew(growth, limit, killed, bytes);
    }
    let seen = |name: &str| {
        input.other(name).map(|signal| signal.part(killed.saturating_sub(before.long), killed.saturating_add(SECOND)))
    };
    if let Some(peak) = seen(PRESSURE).as_ref().and_then(highest) {
        told.measures.push(measure("pressure", peak, Of::Unit("percent")));
        told.parts.push(format!("tasks waited for memory up to {} of the time", words::percent(peak / 100.0)));
    }
    if let Some(pages) = seen(RECLAIM).as_ref().and_then(highest).filter(|pages| *pages > 0.0) {
        told.measures.push(measure("reclaimed", pages * PAGE_BYTES, Of::Unit("bytes/s")));
        let most = Words { unit: "bytes/s" }.value(pages * PAGE_BYTES);
        told.parts.push(format!("the kernel took back up to {most}"));
    }
    told.parts.push(format!("at {} {}", words::time(killed), in_short(&first.message)));
    if kills.len() > 1 {
        told.parts.push(format!("{} kills in all", kills.len()));
    }
    let after =
        |one: &&Happening| one.time >= killed && one.time <= last.time + AFTER && COMES_AFTER.contains(&&*one.kind);
    let afterwards: Vec<&Happening> = input.happenings.iter().filter(after).take(3).collect();
    told.parts.extend(afterwards.iter().map(|one| format!("at {} {}", words::time(one.time), in_short(&one.message))));
    let to = afterwards.last().map_or(last.time, |one| one.time.max(last.time));
    let Told { measures, parts, from } = told;
    let sentence = parts.join("; ");
    Some(Finding { kind: "oom_story", severity: Severity::Critical, from, to, confidence: 1.0, measures, sentence })
}

/// A message without the path of a cgroup, which says nothing that the container's name does not.
fn in_short(message: &str) -> String {
    let words = message.split(' ').filter(|word| !word.starts_with('/'));
    let short = words.collect::<Vec<_>>().join(" ");
    short.strip_suffix(" in").map_or(short.clone(), str::to_owned)
}

/// The kinds of events that follow from a kill; that the container's cgroup went and came is said by them.
const COMES_AFTER: &[&str] = &["container_terminated", "container_restart"];

struct Told {
    measures: Vec<crate::analysis::study::Measure>,
    parts: Vec<String>,
    from: UnixMicros,
}

impl Told {
    fn grew(&mut self, growth: Growth, limit: Option<f64>, killed: UnixMicros, bytes: Words) {
        let Growth { since, low, high } = growth;
        self.from = since;
        self.measures.extend([measure("before", low, Of::Unit("bytes")), measure("at_kill", high, Of::Unit("bytes"))]);
        let long = words::duration((killed - since) as f64 / 1e6);
        let mut part = match low < WELL_BELOW * high {
            true => format!("memory grew from {} to {} in {long}", bytes.value(low), bytes.value(high)),
            false => format!("memory was about {} for {long}", bytes.value(high)),
        };
        if let Some(limit) = limit {
            self.measures.push(measure("limit", limit, Of::Unit("bytes")));
            part += &match high >= AT_LIMIT * limit {
                true => format!(", up to its limit of {}", bytes.value(limit)),
                false => {
                    format!(", well below its limit of {}: it was not this limit that was hit", bytes.value(limit))
                }
            };
        }
        self.parts.push(part);
    }
}

/// The way up to a kill.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Growth {
    since: UnixMicros,
    low: f64,
    high: f64,
}

impl Growth {
    /// Of what is before a kill.
    fn before(memory: &Signal) -> Option<Self> {
        let values = memory.values();
        let high = values[values.len().saturating_sub(10)..].iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if values.is_empty() {
            return None;
        }
        // Back to the last time that it was at its lowest of this way up; what fell back before is another story.
        let low_enough = values.iter().rposition(|value| *value < WELL_BELOW * high);
        let Some(crossed) = low_enough else {
            let low = robust::median(&mut values.to_vec());
            return Some(Self { since: memory.times()[0], low, high });
        };
        let mut low = values[crossed];
        for &value in values[..crossed].iter().rev() {
            if value > low + 0.1 * high {
                break;
            }
            low = low.min(value);
        }
        let floor = low + 0.01 * (high - low);
        let since = values.iter().rposition(|value| *value <= floor).unwrap_or(crossed);
        Some(Self { since: memory.times()[since], low, high })
    }
}

fn last_before(signal: &Signal, time: UnixMicros) -> Option<f64> {
    let after = signal.times().partition_point(|&known| known <= time);
    signal.values().get(after.checked_sub(1)?).copied()
}

fn highest(signal: &Signal) -> Option<f64> {
    signal.values().iter().copied().max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happening(second: i64, kind: &str, message: &str) -> Happening {
        Happening { time: second * SECOND, kind: kind.to_owned(), is_own: true, message: message.to_owned() }
    }

    fn story(memory: &[f64], limit: f64, happenings: &[Happening]) -> Report {
        let count = memory.len();
        let pressure: Vec<f64> = (0..count).map(|at| if at + 60 > count { 45.0 } else { 0.0 }).collect();
        let others = [
            (CURRENT.to_owned(), Signal::regular(0, SECOND, memory)),
            (LIMIT.to_owned(), Signal::regular(0, SECOND, &[limit])),
            (PRESSURE.to_owned(), Signal::regular(0, SECOND, &pressure)),
            (RECLAIM.to_owned(), Signal::regular(0, SECOND, &vec![256.0; count])),
        ];
        let (signal, words) = (Signal::default(), Words { unit: "" });
        let input = Input { others: &others, happenings, ..Input::of(&signal, &words) };
        OomStory.analyze(&input, &Settings::default())
    }

    const MIB: f64 = 1_048_576.0;

    #[test]
    fn growth_pressure_kill_and_restart_are_one_story() {
        // A rest at 100 MiB until second 1,000, then 1 MiB a second until the limit of 400 MiB.
        let memory: Vec<f64> = (0..1300).map(|at| (100.0 + f64::from((at - 1000).max(0))) * MIB).collect();
        let happenings = [
            happening(1300, "oom_kill", "the kernel killed worker (pid 4711) for memory in /kubepods/a"),
            happening(1302, "oom_kill", "killed worker (4712)"),
            happening(1310, "container_restart", "restarted for the 3rd time"),
        ];
        let report = story(&memory, 400.0 * MIB, &happenings);
        let [finding] = &report.findings[..] else { panic!("{report:?}") };
        assert_eq!((finding.kind, finding.from / SECOND, finding.to / SECOND), ("oom_story", 1002, 1310));
        assert_eq!((finding.measure("kills"), finding.measure("pressure")), (Some(2.0), Some(45.0)));
        assert_eq!(
            finding.sentence,
            "memory grew from 100 MiB to 399 MiB in 4.97 min, up to its limit of 400 MiB; tasks waited for memory up to 45 % of the \
             time; the kernel took back up to 1 MiB/s; at 1970-01-01T00:21:40Z the kernel killed worker (pid 4711) for memory; 2 kills in all; at \
             1970-01-01T00:21:50Z restarted for the 3rd time"
        );
    }

    #[test]
    fn one_that_was_far_from_its_limit_is_said_to_be() {
        let report = story(&[100.0 * MIB; 600], 400.0 * MIB, &[happening(600, "oom_kill", "killed worker")]);
        let sentence = &report.findings[0].sentence;
        assert!(
            sentence.starts_with("memory was about 100 MiB for 10 min, well below its limit of 400 MiB"),
            "{sentence}"
        );
    }

    #[test]
    fn kills_that_are_far_apart_are_stories_of_their_own_and_none_is_said() {
        let happenings = [happening(100, "oom_kill", "a"), happening(500, "oom_kill", "b")];
        assert_eq!(story(&[MIB; 600], MIB, &happenings).findings.len(), 2);
        let [first, other] = happenings;
        let of_another = Happening { is_own: false, ..other };
        assert_eq!(story(&[MIB; 600], MIB, &[first, of_another]).findings.len(), 1);
        assert_eq!(story(&[MIB; 600], MIB, &[]).notes, ["no OOM kill is recorded in this range"]);
    }
}
