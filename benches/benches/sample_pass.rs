//! What one container's sample costs beyond the kernel's own work.
//!
//! `bare_pread` only reads the same open files; `read_and_parse` makes a row of them. Both read every file of the fast
//! and stat classes of 50 real containers per iteration; divide by 50 for one container's sample.

#![allow(missing_docs, clippy::expect_used, reason = "a benchmark")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fgm_agent::health::Counters;
use fgm_agent::hierarchy::Hierarchy;
use fgm_agent::metric::{COLUMNS, Class};
use fgm_agent::model::ColumnSet;
use fgm_agent::source::{CgroupFiles, Plan, Reader, RowValues, Wanted};
use fgm_benches::{CGROUP_ROOT, Containers};

const CONTAINERS: usize = 50;

fn sample_pass(criterion: &mut Criterion) {
    let sleep = ["sleep".to_owned(), "100000".to_owned()];
    let containers = Containers::make(CONTAINERS, &sleep).expect("real cgroups");
    let hierarchy = Hierarchy::detect(Path::new(CGROUP_ROOT)).expect("a hierarchy");
    let plan = Plan::new(&hierarchy);
    let mut group = criterion.benchmark_group("sample_pass");
    group.throughput(Throughput::Elements(u64::try_from(CONTAINERS).expect("small")));

    let open: Vec<_> = containers
        .paths
        .iter()
        .flat_map(|path| plan.files.iter().filter(|file| file.class != Class::Limit).map(|file| file.path(path)))
        .filter_map(|path| std::fs::File::open(path).ok())
        .collect();
    let mut buffer = vec![0u8; 32 * 1024];
    group.bench_function("bare_pread", |bencher| {
        bencher.iter(|| {
            for file in &open {
                black_box(rustix::io::pread(file, &mut buffer[..], 0).expect("read"));
            }
        });
    });

    let mut reader = Reader::new(&plan, usize::MAX, Arc::new(Counters::default()));
    let mut files: Vec<CgroupFiles> = containers.paths.iter().map(|_| CgroupFiles::new(&plan)).collect();
    let mut values = vec![0i64; COLUMNS];
    let wanted = Wanted { stat: true, limits: false, missing: false };
    group.bench_function("read_and_parse", |bencher| {
        bencher.iter(|| {
            for (path, files) in containers.paths.iter().zip(&mut files) {
                let mut row = RowValues { values: &mut values, present: ColumnSet::EMPTY };
                black_box(reader.read((&plan, path), files, wanted, &mut row));
            }
        });
    });
    assert_eq!(reader.kept_open(), open.len(), "both read the same files");
    group.finish();
}

criterion_group!(benches, sample_pass);
criterion_main!(benches);
