//! Answers that nobody computed: what a metric is called decides what is answered.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

use fgm_agent::service::Recorded;
use fgm_agent::service::answers::{ContainersQuestion, Questions};
use fgm_agent::service::asking::Asking;
use fgm_agent::service::containers::ContainersReply;
use fgm_agent::service::filters::FiltersAnswer;
use fgm_agent::service::question::{
    AskError, Buckets, ExportFormat, ExportQuestion, Mark, ProcessEntry, ProcessesAnswer, ProcessesQuestion, Series,
    SeriesAnswer, SeriesData, SeriesQuestion, TimeRange, TopAnswer, TopEntry, TopQuestion,
};

use crate::fake::NOW;

/// Points of the series `many`, and of `large`, which is written while it is read.
pub(crate) const MANY: usize = 20_000;
pub(crate) const LARGE: usize = 200_000;

pub(crate) struct FakeQuestions {
    /// What the list of containers answers.
    known: Asking,
    /// The questions for series.
    pub(crate) asked: Mutex<Vec<SeriesQuestion>>,
    /// The times of the points of `live`.
    pub(crate) points: Mutex<Vec<i64>>,
    ticks: AtomicU64,
    /// Told when an export of `pods` ends because nobody takes it.
    pub(crate) ended: Mutex<Option<Sender<std::io::ErrorKind>>>,
}

impl FakeQuestions {
    pub(crate) fn new(recorded: Arc<dyn Recorded>) -> Self {
        Self {
            known: Asking { recorded, processes_usec: None },
            asked: Mutex::default(),
            points: Mutex::default(),
            ticks: AtomicU64::new(0),
            ended: Mutex::default(),
        }
    }

    /// A point of `live`, and the tick that it comes with.
    pub(crate) fn tick(&self, time: i64) {
        self.points.lock().unwrap().push(time);
        self.ticks.fetch_add(1, Ordering::Relaxed);
    }
}

fn labels(id: &str) -> std::collections::BTreeMap<&'static str, String> {
    [("container_id", id.to_owned()), ("container", "server".to_owned()), ("pod", "checkout-6d4f".to_owned())].into()
}

fn failure(name: &str) -> Option<AskError> {
    let sentence = format!("about {name}");
    match name {
        "invalid" => Some(AskError::Invalid(sentence)),
        "nothing" => Some(AskError::NotFound(sentence)),
        "too_much" => Some(AskError::TooMuch(sentence)),
        "too_slow" => Some(AskError::TooSlow(sentence)),
        "failed" => Some(AskError::Failed(sentence)),
        _ => None,
    }
}

fn buckets() -> SeriesData {
    SeriesData::Buckets(Buckets {
        width_usec: 60_000_000,
        from_rollups: true,
        times: vec![NOW - 120_000_000, NOW - 60_000_000],
        min: vec![1.0, f64::NAN],
        max: vec![4.5, f64::NAN],
        mean: vec![2.25, f64::NAN],
        last: vec![3.0, f64::NAN],
    })
}

impl FakeQuestions {
    fn data(&self, metric: &str, range: TimeRange) -> SeriesData {
        match metric {
            "minutes" => buckets(),
            "many" | "large" => {
                let points = if metric == "many" { MANY } else { LARGE };
                SeriesData::Exact {
                    times: (0..points as i64).map(|n| NOW + n * 1_000_000).collect(),
                    values: (0..points).map(|n| n as f64 / 8.0).collect(),
                }
            }
            "live" => {
                let times = self.points.lock().unwrap().clone();
                let times: Vec<i64> = times.into_iter().filter(|time| (range.from..range.to).contains(time)).collect();
                SeriesData::Exact { values: vec![1.0; times.len()], times }
            }
            // A step in the middle.
            "memory_stat_anon_bytes" => SeriesData::Exact {
                times: (0..600).map(|n| NOW + n * 1_000_000).collect(),
                values: (0..600).map(|n| if n < 300 { 1e6 } else { 3e6 } + f64::from(n % 7) * 1e3).collect(),
            },
            // New points at every look, and many.
            "flood" => {
                self.ticks.fetch_add(1, Ordering::Relaxed);
                SeriesData::Exact { times: (range.to - MANY as i64..range.to).collect(), values: vec![1.0; MANY] }
            }
            _ => SeriesData::Exact {
                times: vec![NOW, NOW + 1_000_000, NOW + 2_000_000],
                values: vec![0.125, f64::NAN, 3.0],
            },
        }
    }
}

impl Questions for FakeQuestions {
    fn series(&self, question: &SeriesQuestion) -> Result<SeriesAnswer, AskError> {
        self.asked.lock().unwrap().push(question.clone());
        let series = |metric: &String| match failure(metric) {
            Some(error) => Err(error),
            None => Ok(Series {
                metric: metric.clone(),
                unit: "cores",
                labels: labels("0123456789abcdef"),
                data: self.data(metric, question.range),
                marks: vec![Mark { time: NOW, container_id: "0123456789abcdef".to_owned() }],
            }),
        };
        Ok(SeriesAnswer {
            range: TimeRange { from: NOW - 3_600_000_000, to: NOW },
            series: question.metrics.iter().map(series).collect::<Result<_, _>>()?,
            notes: vec!["nothing is recorded before 11:00".to_owned()],
            is_sealed: question.metrics[0] != "live" && question.metrics[0] != "open",
        })
    }

    fn top(&self, question: &TopQuestion) -> Result<TopAnswer, AskError> {
        let entry = |id, mean| TopEntry { labels: labels(id), min: 0.0, max: mean * 2.0, mean, last: f64::NAN };
        failure(&question.metric).map_or(Ok(()), Err)?;
        Ok(TopAnswer {
            metric: question.metric.clone(),
            unit: "bytes",
            range: TimeRange { from: NOW - 3_600_000_000, to: NOW },
            entries: vec![entry("aa", 7.5), entry("bb", 2.0)],
            total: 9,
        })
    }

    fn processes(&self, question: &ProcessesQuestion) -> Result<ProcessesAnswer, AskError> {
        failure(&question.container).map_or(Ok(()), Err)?;
        let process = |comm: &str, pid, cpu| ProcessEntry {
            texts: [("comm", comm.to_owned()), ("cmdline", format!("/bin/{comm} --flag"))].into(),
            numbers: [("pid", pid), ("rss_bytes", 4096)].into(),
            cpu_usage_cores: cpu,
        };
        Ok(ProcessesAnswer {
            container_id: "0123456789abcdef".to_owned(),
            time: Some(NOW),
            processes: vec![process("server", 17, Some(0.5)), process("helper", 18, None)],
        })
    }

    fn filters(&self, range: Option<TimeRange>) -> Result<FiltersAnswer, AskError> {
        self.known.filters(range)
    }

    fn containers(&self, question: &ContainersQuestion) -> Result<ContainersReply, AskError> {
        question.metric.as_deref().and_then(failure).map_or(Ok(()), Err)?;
        self.known.containers(&ContainersQuestion { metric: None, ..question.clone() })
    }

    fn recorded_span(&self) -> Option<TimeRange> {
        self.known.recorded_span()
    }

    fn is_sealed(&self, range: TimeRange) -> bool {
        self.known.is_sealed(range)
    }

    /// By table: `containers` is short, `pods` never ends, `node` breaks after a while, `events` at once.
    fn export(&self, question: &ExportQuestion, out: &mut (dyn Write + Send)) -> Result<(), AskError> {
        let failed = |error: std::io::Error| AskError::Failed(error.to_string());
        match question.table.as_str() {
            "containers" if question.format == ExportFormat::Csv => {
                (0..10_000).try_for_each(|row| writeln!(out, "{row},server")).map_err(failed)
            }
            "containers" => out.write_all(b"PAR1").map_err(failed),
            "pods" => loop {
                if let Err(error) = out.write_all(&[7; 1000]) {
                    let ended = self.ended.lock().unwrap().take();
                    ended.into_iter().for_each(|ended| ended.send(error.kind()).unwrap());
                    return Err(failed(error));
                }
            },
            "node" => {
                out.write_all(&vec![7; 1 << 20]).map_err(failed)?;
                Err(AskError::Failed("a file is damaged".to_owned()))
            }
            other => {
                out.write_all(b"some").map_err(failed)?;
                Err(AskError::NotFound(format!("there is nothing of {other}")))
            }
        }
    }

    fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }
}
