//! What one container's sample costs beyond the kernel's own work.
//!
//! `bare_pread` only reads the same open files; `read_and_parse` makes a row of them; `whole_pass` also appends the rows
//! to the tail and writes the spill, as the agent does. Each reads every file of the fast and stat classes of 50 real
//! containers per iteration; their processes work a little, so that values change. What is measured is the thread's CPU
//! time, which other load on the machine disturbs least.

#![allow(missing_docs, clippy::expect_used, reason = "a benchmark")]

use std::cell::LazyCell;
use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Bencher, Criterion, Throughput, criterion_group, criterion_main};
use fgm_agent::health::Counters;
use fgm_agent::hierarchy::Hierarchy;
use fgm_agent::metric::{COLUMNS, Class};
use fgm_agent::model::{ColumnSet, Identity, Role, Row, SeriesKey, Tick};
use fgm_agent::source::{CgroupFiles, Plan, Reader, RowValues, Wanted};
use fgm_agent::store::footer::Origin;
use fgm_agent::store::frame::Frame;
use fgm_agent::store::rotation::Limits;
use fgm_agent::store::spill::{SpillFile, SpillHeader};
use fgm_agent::store::tail::{Appended, Tail};
use fgm_agent::subject::Subject;
use fgm_agent::table::Table;
use fgm_benches::cpu_time::ThreadCpu;
use fgm_benches::{CGROUP_ROOT, Containers};

const CONTAINERS: usize = 50;

const WANTED: Wanted = Wanted { stat: true, limits: false, missing: false };

fn sample_pass(criterion: &mut Criterion<ThreadCpu>) {
    // Made by the first benchmark that is asked for: others of the workspace need no rights on cgroups.
    let bed = LazyCell::new(Bed::make);
    let mut group = criterion.benchmark_group("sample_pass");
    group.throughput(Throughput::Elements(u64::try_from(CONTAINERS).expect("small")));
    group.bench_function("bare_pread", |bencher| {
        let (open, mut buffer) = (bed.open(), vec![0u8; 32 * 1024]);
        bencher.iter(|| {
            for file in &open {
                black_box(rustix::io::pread(file, &mut buffer[..], 0).expect("read"));
            }
        });
    });
    group.bench_function("read_and_parse", |bencher| {
        let mut sampled = Sampled::new(&bed.plan, &bed.containers.paths);
        bencher.iter(|| sampled.tick(&bed.plan, 0));
        assert_eq!(sampled.reader.kept_open(), bed.open().len(), "all read the same files");
    });
    group.bench_function("whole_pass", |bencher| whole_pass(bencher, &bed));
    group.finish();
}

/// The containers, and how they are read.
struct Bed {
    containers: Containers,
    plan: Plan,
}

impl Bed {
    fn make() -> Self {
        let work = [env!("CARGO_BIN_EXE_agent-cost").to_owned(), "--work".to_owned()];
        let containers = Containers::make(CONTAINERS, 1, &work).expect("real cgroups");
        let hierarchy = Hierarchy::detect(Path::new(CGROUP_ROOT)).expect("a hierarchy");
        Self { containers, plan: Plan::new(&hierarchy) }
    }

    /// All files that a pass reads.
    fn open(&self) -> Vec<File> {
        let kept = || self.plan.files.iter().filter(|file| file.class != Class::Limit);
        let files = self.containers.paths.iter().flat_map(|path| kept().map(move |file| file.path(path)));
        files.filter_map(|path| File::open(path).ok()).collect()
    }
}

/// Reads all containers into ticks.
struct Sampled<'a> {
    reader: Reader,
    files: Vec<CgroupFiles>,
    paths: &'a [String],
}

impl<'a> Sampled<'a> {
    fn new(plan: &Plan, paths: &'a [String]) -> Self {
        let reader = Reader::new(plan, usize::MAX, Arc::new(Counters::default()));
        Self { reader, files: paths.iter().map(|_| CgroupFiles::new(plan)).collect(), paths }
    }

    fn tick(&mut self, plan: &Plan, time: i64) -> Tick {
        let mut tick = Tick { values: Vec::with_capacity(CONTAINERS * COLUMNS), ..Tick::default() };
        for (index, (path, files)) in self.paths.iter().zip(&mut self.files).enumerate() {
            let start = tick.values.len();
            tick.values.resize(start + COLUMNS, 0);
            let mut row = RowValues { values: &mut tick.values[start..], present: ColumnSet::EMPTY };
            self.reader.read((plan, path), files, WANTED, &mut row);
            let key = SeriesKey(u32::try_from(index).expect("small"));
            tick.rows.push(Row { key, table: Table::Containers, time, is_final: false, present: row.present });
        }
        tick
    }
}

fn whole_pass(bencher: &mut Bencher<'_, ThreadCpu>, bed: &Bed) {
    let mut sampled = Sampled::new(&bed.plan, &bed.containers.paths);
    let directory = tempfile::tempdir().expect("a directory");
    let mut tail = Tail::new(Limits { age: Duration::MAX, bytes: usize::MAX });
    let (mut spill, _) = SpillFile::create(directory.path(), &SpillHeader::new(&origin(), 1)).expect("a spill file");
    let mut frame = Frame::default();
    let births = sampled.paths.iter().enumerate();
    let births = births
        .map(|(index, path)| (SeriesKey(u32::try_from(index).expect("small")), Subject::Container(identity(path))));
    let mut born = Tick { births: births.collect(), ..Tick::default() };
    let mut time = 0;
    bencher.iter(|| {
        time += 1000;
        let tick = Tick { births: std::mem::take(&mut born.births), ..sampled.tick(&bed.plan, time) };
        tail.begin(&tick, &mut frame);
        let appended = tail.append((&tick, 0), Instant::now(), &mut frame);
        assert!(matches!(appended, Appended::Whole), "one segment takes them all");
        spill.append(&mut frame).expect("spill");
        frame.clear();
        tail.end(&tick);
    });
}

fn origin() -> Origin {
    Origin {
        node: "bench".to_owned(),
        run_id: "bench".to_owned(),
        segment: String::new(),
        agent_version: String::new(),
        git_revision: String::new(),
        interval_usec: 1000,
    }
}

fn identity(path: &str) -> Arc<Identity> {
    Arc::new(Identity::unnamed(path.rsplit('/').next().unwrap_or(path), path, Role::Container))
}

criterion_group! { name = benches; config = Criterion::default().with_measurement(ThreadCpu); targets = sample_pass }
criterion_main!(benches);
