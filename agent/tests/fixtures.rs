//! The parsers and the catalogue against captured kernel files: those in `tests/data`, and a larger collection beside the
//! repository where it is checked out.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "the whole file is a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use fgm_agent::cgroup;
use fgm_agent::cgroup::path::{Found, classify};
use fgm_agent::metric::{FILES, FileSpec, Format, METRICS, Metric, Source, Tree};
use fgm_agent::model::{QosClass, Role};

/// One cgroup's directory in one hierarchy.
struct Captured {
    dir: PathBuf,
    /// The machine it comes from: `v1`, or the directory's name below `v2`.
    kernel: String,
    tree: Tree,
}

impl Captured {
    fn read(&self, file: &str) -> Option<Vec<u8>> {
        fs::read(self.dir.join(file)).ok()
    }

    fn files(&self) -> impl Iterator<Item = (FileSpec, Vec<u8>)> {
        FILES.iter().filter_map(|file| Some((*file, self.read(file.name)?)))
    }

    /// The catalogue's sources in one of this directory's files.
    fn sources(&self, file: &str) -> impl Iterator<Item = Source> {
        let version: fn(&Metric) -> Option<Source> =
            if self.tree == Tree::Unified { |metric| metric.v2 } else { |metric| metric.v1 };
        METRICS.iter().filter_map(version).filter(move |source| source.tree == self.tree && source.file == file)
    }
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> =
        fs::read_dir(dir).map(|all| all.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default();
    entries.sort();
    entries
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// The collection beside the repository; without it a test of it is skipped, but not in CI.
fn shared() -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures");
    if shared.is_dir() {
        return Some(shared);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "no captured files in {}", shared.display());
    eprintln!("skipped: no captured files in {}", shared.display());
    None
}

fn roots() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    assert!(own.is_dir());
    [own].into_iter().chain(shared()).collect()
}

fn captured() -> Vec<Captured> {
    let controllers = [
        ("cpu", Tree::Cpu),
        ("cpuacct", Tree::Cpuacct),
        ("memory", Tree::Memory),
        ("blkio", Tree::Blkio),
        ("pids", Tree::Pids),
    ];
    let mut all = Vec::new();
    for root in roots() {
        for kernel in entries(&root.join("v2")) {
            for case in entries(&kernel).into_iter().filter(|case| case.join("cgroup").is_dir()) {
                all.push(Captured { dir: case.join("cgroup"), kernel: name(&kernel), tree: Tree::Unified });
            }
        }
        for case in entries(&root.join("v1")) {
            for (controller, tree) in controllers {
                all.push(Captured { dir: case.join(controller), kernel: "v1".to_owned(), tree });
            }
        }
    }
    all
}

fn parse(file: &FileSpec, text: &[u8]) -> BTreeMap<String, i64> {
    let mut values = BTreeMap::new();
    let mut each = |key: &[u8], value| {
        let key = String::from_utf8(key.to_vec()).unwrap();
        assert!(values.insert(key, value).is_none(), "{} has a key twice", file.name);
    };
    cgroup::parse(file.format, text, &mut each).unwrap();
    values
}

/// The keys that a captured kernel does not have although the catalogue knows them, and why.
fn is_absent(kernel: &str, file: &str, key: &str) -> bool {
    let not_configured = ["hugetlb", "zswap", "zswapped", "zswap_incomp", "zswpin", "zswpout", "zswpwb"];
    let before_5_9 = ["workingset_refault", "workingset_activate", "workingset_restore"];
    let since_6_13 = ["pswpin", "pswpout", "pgscan_proactive", "pgsteal_proactive", "pgdemote_proactive"];
    let since_6_16_with_numa = ["numa_task_migrated", "numa_task_swapped"];
    let with_numa = ["pgpromote_success", "numa_pages_migrated", "numa_pte_updates", "numa_hint_faults"];
    let with_huge_pages = [
        "anon_thp",
        "file_thp",
        "shmem_thp",
        "thp_fault_alloc",
        "thp_collapse_alloc",
        "thp_swpout",
        "thp_swpout_fallback",
    ];
    let everywhere = not_configured.contains(&key) || before_5_9.contains(&key) || since_6_16_with_numa.contains(&key);
    match (kernel, file) {
        ("debian-6.12", "memory.stat") => everywhere || since_6_13.contains(&key),
        ("debian-6.12", "memory.events") => key == "sock_throttled",
        ("uml-7.3" | "kind-uml-7.3" | "kind-systemd-driver-uml-7.3", "memory.stat") => {
            everywhere || with_numa.contains(&key) || with_huge_pages.contains(&key)
        }
        _ => false,
    }
}

#[test]
fn every_captured_file_parses_and_has_what_the_catalogue_expects() {
    let mut seen = BTreeSet::new();
    for cgroup in captured() {
        for (file, text) in cgroup.files() {
            let values = parse(&file, &text);
            for source in cgroup.sources(file.name) {
                let place = format!("{}/{}: {:?}", cgroup.dir.display(), file.name, source.key);
                let absent = is_absent(&cgroup.kernel, file.name, source.key);
                assert_eq!(values.contains_key(source.key), !absent, "{place}");
            }
            seen.insert(file.name);
        }
    }
    let all: BTreeSet<_> = FILES.iter().map(|file| file.name).collect();
    assert_eq!(seen, all, "every file of the catalogue was captured at least once");
}

#[test]
fn every_captured_key_of_memory_stat_and_events_is_in_the_catalogue() {
    let mut keys = 0;
    for cgroup in captured() {
        for (file, text) in cgroup.files().filter(|(file, _)| matches!(file.name, "memory.stat" | "memory.events")) {
            let known: BTreeSet<_> = cgroup.sources(file.name).map(|source| source.key).collect();
            for key in parse(&file, &text).keys() {
                // On v1 the keys without `total_` leave out the cgroups below.
                let is_wanted = cgroup.tree == Tree::Unified || key.starts_with("total_");
                assert!(!is_wanted || known.contains(key.as_str()), "{}: {key}", cgroup.dir.display());
                keys += 1;
            }
        }
    }
    assert!(keys > 150, "{keys}");
}

/// Reads a file the plain way: another road to the same numbers.
fn read_plainly(format: Format, text: &str) -> BTreeMap<String, i64> {
    let mut values = BTreeMap::new();
    let number = |word: &str| word.parse::<u64>().map_or(i64::MAX, |value| value.try_into().unwrap_or(i64::MAX));
    let mut add = |key: &str, value| *values.entry(key.to_owned()).or_insert(0) += value;
    let words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    match format {
        Format::Single => add("", if text.len() > 18 { i64::MAX } else { number(text.trim()) }),
        Format::FlatKeyed => words.for_each(|line| add(line[0], number(line[1]))),
        Format::CpuMax => words.for_each(|line| {
            add("quota", number(line[0]));
            add("period", number(line[1]));
        }),
        Format::Pressure => words.for_each(|line| add(line[0], number(line[4].trim_start_matches("total=")))),
        Format::IoStat => {
            ["rbytes", "wbytes", "rios", "wios", "dbytes", "dios"].into_iter().for_each(|key| add(key, 0));
            for line in words.filter(|line| line[0] != "(unknown)") {
                line[1..]
                    .iter()
                    .map(|word| word.split_once('=').unwrap())
                    .for_each(|(key, value)| add(key, number(value)));
            }
        }
        Format::BlkioThrottle => {
            ["Read", "Write", "Discard"].into_iter().for_each(|key| add(key, 0));
            let of_devices = words.filter(|line| line.len() == 3 && matches!(line[1], "Read" | "Write" | "Discard"));
            of_devices.for_each(|line| add(line[1], number(line[2])));
        }
    }
    values
}

#[test]
fn every_captured_file_reads_the_same_the_plain_way() {
    let mut files = 0;
    for cgroup in captured() {
        for (file, text) in cgroup.files() {
            let place = format!("{}/{}", cgroup.dir.display(), file.name);
            assert_eq!(parse(&file, &text), read_plainly(file.format, std::str::from_utf8(&text).unwrap()), "{place}");
            files += 1;
        }
    }
    assert!(files > 50, "{files}");
}

#[test]
fn a_slice_has_written_no_more_than_the_machine() {
    let Some(shared) = shared() else { return };
    let written = |case: &str| {
        let io_stat = shared.join("v2/debian-6.12").join(case).join("cgroup/io.stat");
        cgroup::io::parse_stat(&fs::read(io_stat).unwrap()).unwrap()
    };
    // With the device (unknown) the slice would have written 109 MB, of the machine's 76 MB.
    assert!(written("system.slice-busy").wbytes <= written("root-busy").wbytes);
}

#[test]
fn captured_cgroups_say_whether_they_live_and_by_which_process() {
    for cgroup in captured() {
        let (Some(events), Some(procs)) = (cgroup.read("cgroup.events"), cgroup.read("cgroup.procs")) else { continue };
        let first = String::from_utf8(procs.clone()).unwrap().lines().next().map(|pid| pid.parse().unwrap());
        assert_eq!(cgroup::first_pid(&procs), first, "{}", cgroup.dir.display());
        let populated = cgroup::populated(&events);
        assert!(populated.is_some() && (first.is_none() || populated == Some(true)), "{}", cgroup.dir.display());
    }
}

const MOUNT: &str = "/sys/fs/cgroup";

/// What the last component of a captured path shows to the eye: an id of 64 hex digits, alone or in a scope.
fn id_in(path: &str) -> Option<&str> {
    let last = path.rsplit('/').next().unwrap();
    let scope = last.strip_suffix(".scope").and_then(|scope| Some(scope.rsplit_once('-')?.1));
    Some(scope.unwrap_or(last)).filter(|id| id.len() == 64)
}

#[test]
fn captured_paths_are_classified_by_what_was_captured() {
    for root in roots() {
        for case in entries(&root.join("v2"))
            .iter()
            .flat_map(|kernel| entries(kernel))
            .filter(|case| case.join("path").is_file())
        {
            let path = text(&case.join("path"));
            let path = path.trim().strip_prefix(MOUNT).unwrap();
            let case = name(&case);
            let found = classify(path);
            let is_container = case.starts_with("docker-")
                || ["-ctr", "kubepods-manual-after", "mem-pressure-swap"].iter().any(|end| case.ends_with(end));
            assert_eq!(found.is_some(), is_container, "{case}: {path}");
            let Some(found) = found else { continue };
            let id = id_in(path).unwrap_or_else(|| path.rsplit('/').next().unwrap());
            assert_eq!((found.container_id.as_str(), found.role), (id, Role::Container), "{case}");
            let qos_class = match case.as_str() {
                "kind-besteffort-ctr" => Some(QosClass::BestEffort),
                "kind-guaranteed-ctr" => Some(QosClass::Guaranteed),
                docker if docker.starts_with("docker-") => None,
                _ => Some(QosClass::Burstable),
            };
            assert_eq!((found.qos_class, found.pod_uid.is_some()), (qos_class, qos_class.is_some()), "{case}");
            let in_docker = case.starts_with("docker-").then_some("docker");
            assert_eq!(
                found.runtime,
                in_docker.or(path.contains("/cri-containerd-").then_some("containerd")),
                "{case}"
            );
        }
    }
}

/// One pod's container as Kubernetes' own API described it, and its paths.
struct Described {
    is_static: bool,
    uid: String,
    qos_class: QosClass,
    container_id: String,
    paths: Vec<String>,
}

fn described(listing: &str) -> Vec<Described> {
    let mut all: Vec<Described> = Vec::new();
    for line in listing.lines() {
        if let Some(pod) = line.strip_prefix("-- ") {
            let field = |name: &str| pod.split(' ').find_map(|word| word.strip_prefix(name)).unwrap();
            let classes = [QosClass::Guaranteed, QosClass::Burstable, QosClass::BestEffort];
            all.push(Described {
                // The kubelet's own pods carry the node's name.
                is_static: pod.split(' ').next().unwrap().ends_with("-t-control-plane"),
                uid: field("uid=").to_owned(),
                qos_class: classes.into_iter().find(|class| class.as_str() == field("qos=").to_lowercase()).unwrap(),
                container_id: field("id=containerd://").to_owned(),
                paths: vec![],
            });
        } else if let (Some((_, path)), Some(pod)) = (line.split_once(" 0::"), all.last_mut()) {
            pod.paths.push(path.split(' ').next().unwrap().to_owned());
        }
    }
    all
}

#[test]
fn kind_containers_are_found_as_the_api_describes_them() {
    let Some(shared) = shared() else { return };
    for kernel in ["kind-uml-7.3", "kind-systemd-driver-uml-7.3"] {
        let dir = shared.join("v2").join(kernel);
        let nested: Vec<_> = text(&dir.join("vm-cgroup-dirs.txt"))
            .lines()
            .filter_map(|line| classify(line.strip_prefix(MOUNT)?))
            .collect();
        let pods = described(&text(&dir.join("kind-paths.txt")));
        assert_eq!(pods.len(), 11, "{kernel}");
        for pod in pods {
            let inside = pod.paths.iter().filter(|path| path.as_str() != "/");
            let found: Vec<Found> = inside.map(|path| classify(path).unwrap()).collect();
            assert_eq!(found.len(), 2, "the node's view and the machine's");
            let Found { container_id, pod_uid, qos_class, .. } = &found[0];
            assert_eq!(found[0], found[1]);
            assert_eq!((container_id, *qos_class), (&pod.container_id, Some(pod.qos_class)));
            let pod_uid = pod_uid.as_deref().unwrap();
            if pod.is_static {
                assert!(pod_uid.len() == 32 && pod_uid != pod.uid, "a static pod's uid is a hash of its manifest");
            } else {
                assert_eq!(pod_uid, pod.uid);
            }
            let in_pod = nested.iter().filter(|found| found.pod_uid.as_deref() == Some(pod_uid));
            assert_eq!(in_pod.count(), 2, "the pod's sandbox and its container");
            assert!(nested.contains(&found[0]));
        }
    }
}

#[test]
fn of_all_cgroups_of_a_kind_machine_exactly_the_containers_are_found() {
    let Some(shared) = shared() else { return };
    for kernel in ["kind-uml-7.3", "kind-systemd-driver-uml-7.3"] {
        for (list, containers) in [("vm-cgroup-dirs.txt", 23), ("kind-node-cgroup-dirs.txt", 0)] {
            let list = text(&shared.join("v2").join(kernel).join(list));
            let mut found = 0;
            for path in list.lines().map(|line| line.strip_prefix(MOUNT).unwrap()) {
                let classified = classify(path).map(|found| found.container_id);
                assert_eq!(classified.as_deref(), id_in(path), "{path}");
                found += usize::from(classified.is_some());
            }
            assert_eq!(found, containers, "{kernel}: the node and two for each of its pods");
        }
    }
}
