//! Asks an agent many things at once while it samples: does it miss a tick, refuse, or fail?
//!
//! `cargo run --release -p fgm-benches --bin load -- --data testdata/bench/realistic` copies the data set, lets the release
//! agent beside this program record real containers into the copy, and sends it mixed questions from many clients for a
//! minute: a new connection each, on 127.0.0.1, the next question as soon as the last is answered. Prints what came of each
//! kind, and what the agent missed. It ends by itself; it fails where a tick was missed or an answer was neither 200 nor 503.

#![allow(clippy::print_stdout, reason = "a command-line program")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use fgm_benches::Containers;
use fgm_benches::running::{RunningAgent, get};
use serde_json::Value;

#[derive(Parser)]
#[command(about = "Asks an agent many things at once while it samples")]
struct Args {
    /// The data set to ask about; it is copied.
    #[arg(long)]
    data: PathBuf,
    /// Clients that ask at once.
    #[arg(long, default_value_t = 50)]
    clients: usize,
    /// Containers that the agent samples meanwhile.
    #[arg(long, default_value_t = 100)]
    containers: usize,
    /// How long to ask, seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The agent to ask.
    #[arg(long)]
    agent: Option<PathBuf>,
    /// Be a process of a container.
    #[arg(long, hide = true)]
    work: bool,
}

fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == "--work") {
        fgm_benches::work();
    }
    let args = Args::parse();
    let this = std::env::current_exe()?;
    let agent = args.agent.clone().unwrap_or_else(|| this.with_file_name("fgm-agent"));
    let containers = Containers::make(args.containers, 1, &[this.display().to_string(), "--work".to_owned()])?;
    let copy = tempfile::tempdir()?;
    fgm_benches::copy_all(&args.data, copy.path()).context("copying the data set")?;
    // The data set may be older than an agent keeps its readings.
    let agent = RunningAgent::start(&agent, copy.path(), &["--retain-age", "3650d", "--retain-bytes", "100GiB"])?;
    let questions = questions(&agent, copy.path())?;
    let before = agent.status()?;
    let begun = Instant::now();
    let end = begun + Duration::from_secs(args.seconds);
    let port = agent.port();
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let client = |number: usize| {
            let questions = &questions;
            scope.spawn(move || {
                let mut outcomes = Vec::new();
                for turn in 0.. {
                    if Instant::now() >= end {
                        break;
                    }
                    // Clients begin with different questions, and no two go on in step.
                    let (kind, path) = &questions[(number * 7 + turn * 5) % questions.len()];
                    outcomes.push(ask(port, kind, path));
                }
                outcomes
            })
        };
        let clients: Vec<_> = (0..args.clients).map(client).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap_or_default()).collect()
    });
    let took = begun.elapsed();
    let after = agent.status()?;
    drop(containers);
    report(&args, &outcomes, took, (&before, &after), &agent)
}

/// What came of a question.
struct Outcome {
    kind: &'static str,
    /// The status code; 0 where there was no answer.
    status: u16,
    took: Duration,
    bytes: usize,
}

fn ask(port: u16, kind: &'static str, path: &str) -> Outcome {
    let begun = Instant::now();
    let reply = get(port, path).unwrap_or_default();
    let status = reply.get(9..12).and_then(|code| std::str::from_utf8(code).ok()?.parse().ok()).unwrap_or(0);
    // An answer that is cut short has no last chunk, or fewer bytes than it said; each counts as none.
    let is_whole = status != 200 || reply.ends_with(b"\r\n0\r\n\r\n") || has_its_length(&reply);
    Outcome { kind, status: if is_whole { status } else { 0 }, took: begun.elapsed(), bytes: reply.len() }
}

fn has_its_length(reply: &[u8]) -> bool {
    let text = String::from_utf8_lossy(reply);
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let said = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    said == Some(reply.len() - head.len() - 4)
}

/// Questions of every kind about the data set and about now.
fn questions(agent: &RunningAgent, data: &Path) -> Result<Vec<(&'static str, String)>> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let told = loop {
        // It may not listen yet.
        let reply = get(agent.port(), "/api/containers?range=all&limit=1000").unwrap_or_default();
        let text = String::from_utf8(reply)?;
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let told: Value = serde_json::from_str(body).unwrap_or_default();
        let listed = told["containers"].as_array().map_or(0, Vec::len);
        // Opened files come first to last; those of the agent itself after its first pass.
        if listed > 100 {
            break told;
        }
        ensure!(Instant::now() < deadline, "{} is not served within a minute: {listed} containers", data.display());
        std::thread::sleep(Duration::from_millis(200));
    };
    let containers = told["containers"].as_array().context("a list")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let recorded: Vec<&Value> = containers.iter().filter(|one| one["namespace"].is_string()).collect();
    let now: Vec<&Value> = containers.iter().filter(|one| !one["namespace"].is_string()).collect();
    let last = recorded.iter().map(|one| text(&one["last_seen"])).max().context("the data set has containers")?;
    let longest = recorded.iter().filter(|one| text(&one["last_seen"]) == last);
    let one = longest.map(|one| text(&one["id"])).next().context("a container")?;
    let fresh = now.first().map(|one| text(&one["id"])).context("a container of now")?;
    let day = |hours: u32| format!("from={}&to={last}", hours_before(&last, hours));
    let many = recorded.iter().take(50).map(|one| text(&one["id"]));
    let mut questions = vec![
        (
            "one container, a day, all points",
            format!("/api/timeseries?metric=memory_current_bytes&container={one}&points=all&{}", day(23)),
        ),
        (
            "one container, a day, rate",
            format!("/api/timeseries?metric=cpu_usage_cores&container={one}&points=1000&{}", day(23)),
        ),
        ("all containers, an hour", format!("/api/timeseries?metric=cpu_usage_cores&points=300&{}", day(1))),
        ("all containers, a day", format!("/api/timeseries?metric=memory_current_bytes&points=500&{}", day(23))),
        (
            "sum by namespace",
            format!("/api/timeseries?metric=cpu_usage_cores&agg=sum&group=namespace&points=500&{}", day(6)),
        ),
        ("top", format!("/api/top?metric=cpu_usage_cores&{}", day(6))),
        ("containers", format!("/api/containers?{}", day(6))),
        ("filters", "/api/filters".to_owned()),
        ("metrics", "/api/metrics".to_owned()),
        ("events", format!("/api/events?{}", day(23))),
        ("status", "/api/status".to_owned()),
        ("now", format!("/api/timeseries?metric=cpu_usage_cores&container={fresh}&range=5m")),
        ("top now", "/api/top?metric=memory_current_bytes&range=1m".to_owned()),
        ("processes now", format!("/api/processes?container={fresh}")),
        ("metrics for Prometheus", "/metrics".to_owned()),
    ];
    questions.extend(many.map(|id| {
        (
            "one container, six hours",
            format!("/api/timeseries?metric=cpu_usage_cores&container={id}&points=1000&{}", day(6)),
        )
    }));
    Ok(questions)
}

fn hours_before(time: &str, hours: u32) -> String {
    // A data set is of whole days: no date is crossed within 23 hours of its end.
    let (date, clock) = time.split_once('T').unwrap_or((time, ""));
    let (hour, rest) = clock.split_at_checked(2).unwrap_or(("23", ":00:00Z"));
    let hour = hour.parse::<u32>().unwrap_or(23).saturating_sub(hours);
    format!("{date}T{hour:02}{rest}")
}

fn report(
    args: &Args,
    outcomes: &[Outcome],
    took: Duration,
    (before, after): (&Value, &Value),
    agent: &RunningAgent,
) -> Result<()> {
    let mut kinds: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        kinds.entry(outcome.kind).or_default().push(outcome);
    }
    println!(
        "{:34} {:>7} {:>6} {:>6} {:>9} {:>9} {:>9} {:>9}",
        "", "200", "503", "other", "p50 ms", "p99 ms", "max ms", "KB"
    );
    for (kind, outcomes) in
        kinds.iter().map(|(kind, of)| (*kind, of.clone())).chain([("all", outcomes.iter().collect())])
    {
        let of = |status: u16| outcomes.iter().filter(|outcome| outcome.status == status).count();
        let other = outcomes.len() - of(200) - of(503);
        let mut times: Vec<f64> = outcomes.iter().map(|outcome| outcome.took.as_secs_f64() * 1000.0).collect();
        times.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        let bytes: usize = outcomes.iter().map(|outcome| outcome.bytes).sum();
        println!(
            "{kind:34} {:7} {:6} {other:6} {:9.2} {:9.2} {:9.2} {:9.1}",
            of(200),
            of(503),
            at(0.5),
            at(0.99),
            at(1.0),
            bytes as f64 / outcomes.len() as f64 / 1000.0
        );
    }
    let counted = |status: &Value, name: &str| status["counters"][name].as_u64().unwrap_or(u64::MAX);
    let grown = |name: &str| counted(after, name).wrapping_sub(counted(before, name));
    println!(
        "{} clients, {} containers at 1 Hz, {:.1} s: {:.0} answers/s; ticks {}, missed {}, dropped {}; peak RSS {} MB",
        args.clients,
        args.containers,
        took.as_secs_f64(),
        outcomes.len() as f64 / took.as_secs_f64(),
        grown("ticks_total"),
        grown("missed_ticks_total"),
        grown("dropped_ticks_total"),
        agent.in_proc_status("VmHWM")? / 1024
    );
    ensure!(outcomes.iter().all(|outcome| matches!(outcome.status, 200 | 503)), "an answer was neither 200 nor 503");
    ensure!(grown("missed_ticks_total") == 0 && grown("dropped_ticks_total") == 0, "ticks were missed");
    Ok(())
}
