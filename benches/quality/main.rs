//! Scores the studies on data sets whose truth is known.
//!
//!     cargo run --release -p fgm-benches --bin quality -- --seeds 101,102,103
//!
//! makes data sets of seeds that nothing was tuned on, has each study look at every container, and prints precision, recall and
//! errors per study. `--data DIR` takes a data set that is there, `--dump FILE` writes pieces of 7,200 readings with what was planted and
//! found, for `benches/quality/side_by_side.py`.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::cast_precision_loss, reason = "a program for people")]

mod pieces;
mod truth;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use fgm_agent::analysis::studies;
use fgm_agent::analysis::study::{Input, Report, Settings, Signal, Words};
use fgm_agent::app::recorded::Recordings;
use fgm_agent::service::answers::Questions;
use fgm_agent::service::asking::Asking;
use fgm_agent::service::question::{Points, Selection, SeriesData, SeriesQuestion, TimeRange};
use fgm_agent::service::{ContainerSummary, Recorded};
use fgm_bench_gen::generate::{Request, generate};
use fgm_bench_gen::scenario::Scenario;
use fgm_bench_gen::truth::{Truth, What};
use pieces::Dump;
use truth::{Score, Studied};

/// Shorter lives are not looked at.
const LEAST_LIFE_USEC: i64 = 600_000_000;

#[derive(Debug, Parser)]
struct Line {
    /// Data sets with a truth.json
    #[arg(long)]
    data: Vec<PathBuf>,
    /// Seeds of data sets that are made for this, of a day each
    #[arg(long, value_delimiter = ',')]
    seeds: Vec<u64>,
    /// Make data sets of `stress` instead of `realistic`
    #[arg(long)]
    stress: bool,
    /// Write pieces for the comparison with other programs
    #[arg(long)]
    dump: Option<PathBuf>,
    /// Say what was missed and what was wrong
    #[arg(long)]
    verbose: bool,
}

fn main() -> ExitCode {
    match run(&Line::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(line: &Line) -> Result<()> {
    let mut scores = Scores::default();
    let mut dump = line.dump.as_ref().map(|path| Dump::create(path)).transpose()?;
    for data in &line.data {
        scores.of_data(data, dump.as_mut()).with_context(|| data.display().to_string())?;
    }
    for &seed in &line.seeds {
        let directory = tempfile::tempdir()?;
        let data = directory.path().join("data");
        let scenario = if line.stress { Scenario::Stress } else { Scenario::Realistic };
        let start = 1_793_577_600_000_000;
        generate(&Request { scenario, start, duration: Duration::from_secs(86_400), seed, threads: 2 }, &data)?;
        scores.of_data(&data, dump.as_mut()).with_context(|| format!("seed {seed}"))?;
    }
    if let Some(dump) = dump {
        dump.finish()?;
    }
    scores.print(line.verbose);
    Ok(())
}

#[derive(Default)]
struct Scores {
    changes: Score,
    periods: Score,
    memory_periods: Score,
    leaks: Score,
    breaches: Score,
    correlated: Score,
    /// Milliseconds of each study, by id.
    took: std::collections::BTreeMap<&'static str, Vec<f64>>,
}

struct Series {
    signal: Signal,
    words: Words,
}

fn read(asking: &Asking, metric: &str, id: &str, range: TimeRange) -> Result<Option<Series>> {
    let selection = Selection { containers: vec![id.to_owned()], ..Selection::default() };
    let metrics = vec![metric.to_owned()];
    let question = SeriesQuestion { metrics, selection, range, points: Points::All, aggregate: None, group: None };
    let Some(series) = asking.series(&question)?.series.into_iter().next() else { return Ok(None) };
    let SeriesData::Exact { times, values } = &series.data else { return Ok(None) };
    Ok(Some(Series { signal: Signal::new(times, values), words: Words { unit: series.unit } }))
}

/// The stored columns that facts are about, and the series that is studied for each.
const COLUMNS: [(&str, &str); 2] =
    [("cpu_usage_usec", "cpu_usage_cores"), ("memory_stat_anon_bytes", "memory_stat_anon_bytes")];

impl Scores {
    fn of_data(&mut self, data: &Path, mut dump: Option<&mut Dump>) -> Result<()> {
        let truth: Truth = serde_json::from_slice(&std::fs::read(data.join("truth.json"))?)?;
        let recorded: Arc<dyn Recorded> = Arc::new(Recordings::view(vec![data.to_owned()])?);
        let asking = Asking { recorded: Arc::clone(&recorded), processes_usec: None };
        let range = asking.recorded_span().context("nothing is recorded")?;
        let containers = recorded.containers();
        let long = |known: &&ContainerSummary| known.last_seen - known.first_seen >= LEAST_LIFE_USEC;
        for container in containers.iter().filter(long) {
            let id = &container.identity.container_id;
            let name = container.identity.container.clone().unwrap_or_default();
            for (column, metric) in COLUMNS {
                let Some(series) = read(&asking, metric, id, range)? else { continue };
                let Some(span) = series.signal.span() else { continue };
                let of = |report: &Report| (id.clone(), name.clone(), column, span, report.findings.clone());
                let changes = of(&self.timed("changepoint", &Input::of(&series.signal, &series.words))?);
                studied(&changes).changes(&truth, &mut self.changes);
                let periods = of(&self.timed("periodicity", &Input::of(&series.signal, &series.words))?);
                // Waves are planted in CPU alone; memory has cycles of its own, of collectors and of kills.
                let is_cpu = column == COLUMNS[0].0;
                studied(&periods).periods(&truth, if is_cpu { &mut self.periods } else { &mut self.memory_periods });
                if column == "memory_stat_anon_bytes" {
                    let limit = read(&asking, "memory_max_bytes", id, range)?.map(|limit| limit.signal);
                    let input = Input { limit: limit.as_ref(), ..Input::of(&series.signal, &series.words) };
                    let growth = of(&self.timed("trend", &input)?);
                    studied(&growth).leaks(&truth, &mut self.leaks);
                    self.breaches(&truth, id, &series, limit.as_ref())?;
                }
                if let Some(dump) = dump.as_mut() {
                    dump.pieces(&truth, (id, column), &series)?;
                }
            }
        }
        self.correlated(&truth, &asking, &containers)
    }

    fn timed(&mut self, study: &'static str, input: &Input<'_>) -> Result<Report> {
        let study = studies::named(study).context("no such study")?;
        let begun = Instant::now();
        let report = study.analyze(input, &Settings::default());
        // Of short lives nothing is learnt about speed.
        if input.signal.len() > 80_000 {
            self.took.entry(study.about().id).or_default().push(begun.elapsed().as_secs_f64() * 1e3);
        }
        Ok(report)
    }

    /// What is foretold when half of the way to the limit is behind.
    fn breaches(&mut self, truth: &Truth, id: &str, series: &Series, limit: Option<&Signal>) -> Result<()> {
        for fact in &truth.facts {
            let is_own = fact.of.as_ref().is_some_and(|of| of.container_id == id);
            let What::Leak { limit_reached_us: Some(reached), .. } = fact.what else { continue };
            if !is_own {
                continue;
            }
            let half = fact.from_us + (reached - fact.from_us) / 2;
            let part = series.signal.part(fact.from_us, half);
            let report = self.timed("trend", &Input { limit, ..Input::of(&part, &series.words) })?;
            let foretold = report.findings.iter().rev().find_map(|finding| finding.measure("breach"));
            let off = foretold.map(|breach| ((breach - reached as f64) / (reached - half) as f64).abs());
            self.breaches.errors.extend(off);
            match off {
                Some(off) if off <= 0.1 => self.breaches.found += 1,
                _ => {
                    self.breaches.missed += 1;
                    self.breaches.remarks.push(format!("missed: breach at {reached}, off by {off:?}"));
                }
            }
        }
        Ok(())
    }

    /// Whom a follower follows, in an hour in the middle of both lives.
    fn correlated(&mut self, truth: &Truth, asking: &Asking, containers: &[ContainerSummary]) -> Result<()> {
        let pairs: Vec<(&str, &str)> = truth
            .facts
            .iter()
            .filter_map(|fact| match &fact.what {
                What::Correlated { with, .. } => Some((fact.of.as_ref()?.container_id.as_str(), with.as_str())),
                _ => None,
            })
            .collect();
        for fact in &truth.facts {
            let (What::Correlated { with, lag_us, .. }, Some(of)) = (&fact.what, &fact.of) else { continue };
            if fact.to_us - fact.from_us < 3_600_000_000 {
                continue;
            }
            let middle = fact.from_us + (fact.to_us - fact.from_us) / 2;
            let range = TimeRange { from: middle - 1_800_000_000, to: middle + 1_800_000_000 };
            let metric = COLUMNS[0].1;
            let Some(own) = read(asking, metric, &of.container_id, range)? else { continue };
            let mut others: Vec<(String, Signal)> = Vec::new();
            for other in containers.iter().filter(|other| other.is_seen_in(range)) {
                let id = &other.identity.container_id;
                if *id != of.container_id
                    && let Some(series) = read(asking, metric, id, range)?
                {
                    others.push((id.clone(), series.signal));
                }
            }
            let report = self.timed("correlate", &Input { others: &others, ..Input::of(&own.signal, &own.words) })?;
            let about = |id: &str| report.findings.iter().find(|finding| finding.sentence.starts_with(id));
            match about(with).and_then(|finding| finding.measure("lag")) {
                Some(lag) => {
                    self.correlated.found += 1;
                    self.correlated.errors.push((lag.abs() - *lag_us as f64 / 1e6).abs());
                }
                None => {
                    self.correlated.missed += 1;
                    self.correlated.remarks.push(format!("missed: {} follows {with} by {lag_us}", of.container_id));
                }
            }
            // Those that follow the same one are related as well.
            let is_related = |id: &str| {
                id == with || pairs.iter().any(|&(a, b)| (a == id && b == with) || (b == id && a == of.container_id))
            };
            for finding in &report.findings {
                let id = finding.sentence.split(' ').next().unwrap_or_default();
                if !is_related(id) {
                    self.correlated.wrong += 1;
                    self.correlated.remarks.push(format!("wrong: {}: {}", of.container_id, finding.sentence));
                }
            }
        }
        Ok(())
    }

    fn print(&self, verbose: bool) {
        let days = |score: &Score| score.calm_seconds / 86_400.0;
        println!(
            "| study | planted | precision | recall | F1 | false alarms per container-day elsewhere | error, median / 95 % |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- |");
        let rows = [
            ("changepoint, steps of 3 sigmas and more within 5 s", &self.changes, "s"),
            ("periodicity, waves of 2 sigmas and more within 2 %", &self.periods, "of the period"),
            ("periodicity of memory, where nothing is planted", &self.memory_periods, "of the period"),
            ("trend, leaks of 10 % of the limit and more, rate within 10 %", &self.leaks, "of the rate"),
            ("trend, breach foretold half-way, within 10 % of what is left", &self.breaches, "of what is left"),
            ("correlate, followers in one hour", &self.correlated, "s of lag"),
        ];
        for (name, score, of) in rows {
            println!(
                "| {name} | {} | {:.3} | {:.3} | {:.3} | {:.2} in {:.1} days | {:.4} / {:.4} {of} |",
                score.found + score.missed,
                if score.calm_seconds > 0.0 && name.starts_with("period") {
                    score.precision_everywhere()
                } else {
                    score.precision()
                },
                score.recall(),
                score.f1(),
                score.alarms_a_day(),
                days(score),
                score.error(0.5),
                score.error(0.95)
            );
            if verbose {
                score.remarks.iter().for_each(|remark| eprintln!("{remark}"));
            }
        }
        println!();
        for (study, took) in &self.took {
            let mut sorted = took.clone();
            sorted.sort_by(f64::total_cmp);
            println!(
                "{study}: a day of one series in {:.1} ms (median), {:.1} ms at most",
                sorted[sorted.len() / 2],
                sorted[sorted.len() - 1]
            );
        }
    }
}

type Found = (String, String, &'static str, (i64, i64), Vec<fgm_agent::analysis::study::Finding>);

fn studied((id, name, column, span, findings): &Found) -> Studied<'_> {
    Studied { container_id: id, name, column, span: *span, findings }
}
