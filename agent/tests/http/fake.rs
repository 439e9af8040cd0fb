//! A recording that was never made, and a server over it.

use std::future::pending;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fgm_agent::config::{self, Names, Options, RunConfig, Scope, Surroundings};
use fgm_agent::health::{Counters, ReadError};
use fgm_agent::http::Http;
use fgm_agent::metric::{COLUMNS, UNLIMITED, column};
use fgm_agent::model::{ColumnSet, ContainerKind, Identity, QosClass, Resources, Role};
use fgm_agent::own_use::OwnUse;
use fgm_agent::pods::cell::{NamesState, NamesStatus};
use fgm_agent::service::answers::Questions;
use fgm_agent::service::events::{EventFilter, RecordedEvent};
use fgm_agent::service::facts::{CostEstimate, Facts, FactsCell, Limits, ScopeFacts, Unreadable};
use fgm_agent::service::{ContainerSummary, LatestContainer, Readiness, Recorded, Service};
use fgm_agent::sight::Missing;
use fgm_agent::token::{Token, TokenCell};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use fgm_agent::scan::{Block, Scan, ScanCost, ScanError, Stretch};
use fgm_agent::service::question::{AskError, ExportQuestion, TimeRange};
use fgm_agent::table::Table;

use crate::questions::FakeQuestions;

/// 2026-01-31T12:00:00.123456Z.
pub(crate) const NOW: i64 = 1_769_860_800_123_456;

#[derive(Default)]
pub(crate) struct FakeRecording {
    pub(crate) latest: Mutex<Vec<LatestContainer>>,
    containers: Vec<ContainerSummary>,
}

impl Recorded for FakeRecording {
    fn latest(&self) -> Vec<LatestContainer> {
        self.latest.lock().unwrap().clone()
    }

    fn containers(&self) -> Vec<ContainerSummary> {
        self.containers.clone()
    }

    fn events(&self, filter: &EventFilter, limit: usize) -> Result<Vec<RecordedEvent>, String> {
        let event = |time: i64, kind: &str, pod: &str| RecordedEvent {
            time,
            texts: [("kind", kind.to_owned()), ("pod", pod.to_owned()), ("message", "it happened".to_owned())].into(),
            numbers: [("count", 1)].into(),
        };
        let all = [event(NOW, "oom_kill", "checkout-6d4f"), event(NOW - 1, "limit_change", "web-0")];
        let passes = |event: &RecordedEvent| {
            let text = |name: &str| event.texts.get(name).map(String::as_str);
            (filter.from..filter.to).contains(&event.time) && filter.passes(text)
        };
        if filter.texts.get("pod").is_some_and(|pod| pod == "damaged") {
            return Err("a file is damaged".to_owned());
        }
        Ok(all.into_iter().filter(passes).take(limit).collect())
    }

    fn status(&self) -> Value {
        json!({ "directory": "/data", "files": 3 })
    }

    // Questions about rows are answered by `FakeQuestions`.
    fn scan(&self, _: &Scan, _: &mut dyn FnMut(&Block<'_>) -> Result<(), ScanError>) -> Result<ScanCost, ScanError> {
        Ok(ScanCost::default())
    }

    fn stretches(&self, _: Table, _: TimeRange) -> Vec<Stretch> {
        Vec::new()
    }

    fn containers_of_rollups(&self, _: TimeRange) -> Result<Vec<ContainerSummary>, ScanError> {
        Ok(Vec::new())
    }

    fn span(&self) -> Option<TimeRange> {
        let from = self.containers.iter().map(|container| container.first_seen).min()?;
        let to = self.containers.iter().map(|container| container.last_seen).max()?;
        Some(TimeRange { from, to: to + 1 })
    }

    fn sealed_until(&self) -> Option<i64> {
        Some(NOW - 1_800_000_000)
    }

    fn interval_usec(&self) -> i64 {
        1_000_000
    }

    fn ticks(&self) -> u64 {
        0
    }

    fn export(&self, _: &ExportQuestion, _: Option<Vec<String>>, _: &mut (dyn Write + Send)) -> Result<(), AskError> {
        Ok(())
    }
}

/// A server on two loopback ports; it ends with its runtime.
pub(crate) struct Server {
    pub(crate) api: SocketAddr,
    pub(crate) metrics: SocketAddr,
    pub(crate) recording: Arc<FakeRecording>,
    pub(crate) questions: Arc<FakeQuestions>,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) http: Http,
    pub(crate) runtime: Runtime,
}

pub(crate) fn server() -> Server {
    serve(|http| http)
}

/// A server that wants this token.
pub(crate) fn guarded_server(token: &str) -> (Server, TokenCell) {
    let token = TokenCell::new(Token::parse(token.as_bytes()).unwrap());
    (serve(|http| http.guarded_by(token.clone())), token)
}

fn serve(change: impl FnOnce(Http) -> Http) -> Server {
    let runtime = Runtime::new().unwrap();
    let (recording, readiness) = (Arc::new(recording()), Arc::new(Readiness::default()));
    let questions = Arc::new(FakeQuestions::new(Arc::clone(&recording) as Arc<dyn Recorded>));
    let service = Service {
        recorded: Arc::clone(&recording) as Arc<dyn Recorded>,
        questions: Arc::clone(&questions) as Arc<dyn Questions>,
        facts: Arc::new(FactsCell::new(facts())),
        counters: Arc::new(counters()),
        own_use: Box::new(own_use),
        readiness: Arc::clone(&readiness),
    };
    let http = change(Http::new(Arc::new(service)));
    let bind = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let (api_listener, metrics_listener) = (bind(), bind());
    let (api, metrics) = (api_listener.local_addr().unwrap(), metrics_listener.local_addr().unwrap());
    let (for_api, for_metrics) = (http.clone(), http.clone());
    runtime.spawn(async move { for_api.serve_api(api_listener, pending()).await });
    runtime.spawn(async move { for_metrics.serve_metrics(metrics_listener, pending()).await });
    Server { api, metrics, recording, questions, readiness, http, runtime }
}

pub(crate) fn identity(id: &str) -> Identity {
    Identity::unnamed(id, format!("/kubepods.slice/{id}.scope"), Role::Container)
}

pub(crate) fn latest(identity: &Arc<Identity>, time: i64, values: &[(&str, i64)]) -> LatestContainer {
    let mut latest = LatestContainer {
        identity: Arc::clone(identity),
        time,
        seen: ColumnSet::EMPTY,
        values: vec![0; COLUMNS].into_boxed_slice(),
    };
    for &(name, value) in values {
        let column = column(name).expect(name);
        latest.seen.insert(column);
        latest.values[column] = value;
    }
    latest
}

fn recording() -> FakeRecording {
    let named = Arc::new(Identity {
        pod_uid: Some("5b1a6f6e-2f1c-4e44-9a53-1de0a5d1a001".into()),
        qos_class: Some(QosClass::Burstable),
        runtime: Some("containerd".into()),
        pod: Some("checkout-6d4f".into()),
        namespace: Some("shop".into()),
        container: Some("server".into()),
        workload: Some("Deployment/checkout".into()),
        image: Some("registry.example/checkout:1.2".into()),
        kind: Some(ContainerKind::Regular),
        restart_count: Some(3),
        restart_reason: Some("OOMKilled".into()),
        resources: Resources {
            cpu_request_millicores: Some(250),
            memory_request_bytes: Some(64 << 20),
            memory_limit_bytes: Some(128 << 20),
            ..Resources::default()
        },
        labels: [("app".to_owned(), "checkout".to_owned()), ("tier".to_owned(), "front \"quoted\"".to_owned())].into(),
        ..identity("aaa")
    });
    let odd = Arc::new(Identity { path: "/odd \"quoted\" \\ and\nbroken".into(), ..identity("bbb") });
    let sandbox = Arc::new(Identity { role: Role::Sandbox, ..identity("pause") });
    let values = [
        ("cpu_usage_usec", 12_345_678),
        ("cpu_nr_throttled", 7),
        ("cpu_quota_usec", 50_000),
        ("cpu_period_usec", 100_000),
        ("cpu_pressure_some_usec", 250_000),
        ("memory_current_bytes", 1_000_000),
        ("memory_stat_inactive_file_bytes", 400_000),
        ("memory_max_bytes", UNLIMITED),
        ("memory_failcnt", 3),
        ("memory_stat_pgfault", 11),
        ("memory_stat_pgmajfault", 2),
        ("memory_events_oom_kill", 1),
        ("pids_max", UNLIMITED),
    ];
    let without_stat = [("cpu_usage_usec", 0), ("memory_current_bytes", 5), ("cpu_quota_usec", UNLIMITED)];
    // The same path twice, as after the restart of a systemd service: only the newer is shown.
    let earlier = Arc::new(Identity { path: odd.path.clone(), ..identity("earlier") });
    FakeRecording {
        latest: Mutex::new(vec![
            latest(&named, NOW, &values),
            latest(&earlier, NOW - 5_000_000, &[("cpu_usage_usec", 99)]),
            latest(&odd, NOW, &without_stat),
            latest(&sandbox, NOW, &values),
        ]),
        containers: vec![
            summary(&named, NOW - 60_000_000, true),
            summary(&odd, NOW - 1_000_000, true),
            summary(&earlier, NOW - 90_000_000, false),
            summary(&sandbox, NOW - 61_000_000, true),
        ],
    }
}

fn summary(identity: &Arc<Identity>, first_seen: i64, alive: bool) -> ContainerSummary {
    let last_seen = if alive { NOW } else { first_seen + 10_000_000 };
    ContainerSummary { identity: Arc::clone(identity), node: Arc::from("node-1"), first_seen, last_seen, alive }
}

fn counters() -> Counters {
    let counters = Counters::default();
    counters.ticks.add(100);
    counters.missed_ticks.add(2);
    counters.tick_duration.observe(Duration::from_micros(300));
    counters.tick_duration.observe(Duration::from_millis(30));
    counters.tick_lateness.observe(Duration::from_secs(3));
    counters.read_error(ReadError::Denied);
    counters.sampler_cpu_usec.add(1_500_000);
    counters.tail_bytes.set(4096);
    counters
}

fn own_use() -> OwnUse {
    OwnUse {
        cpu_seconds: Some(2.25),
        resident_bytes: Some(20_000_000),
        cgroup_memory_bytes: None,
        cgroup_memory_without_cache_bytes: None,
        open_fds: Some(42),
    }
}

fn facts() -> Facts {
    Facts {
        version: "0.1.0".into(),
        revision: "0123456789ab".into(),
        run_id: "20260131T115900-7".into(),
        node: "node-1".into(),
        pod: Some("fgm-agent-x2x7p".into()),
        namespace: Some("monitoring".into()),
        started: NOW - 60_000_000,
        hierarchy: "cgroup v2 at /sys/fs/cgroup".into(),
        scope: ScopeFacts {
            asked: Scope::Containers,
            effective: Scope::All,
            reason: Some("this machine has no containers".into()),
        },
        interval_seconds: 1.0,
        cost: Some(CostEstimate {
            per_container_sample_usec: 85.5,
            containers: 3,
            percent_of_core: 0.026,
            agent_percent_of_core: None,
            budget_percent: 2.0,
            shed_level: 1,
            shed: "PSS and open descriptors of processes are not read".into(),
            warning: None,
        }),
        names: NamesStatus {
            state: NamesState::Retrying,
            since: Some(NOW),
            last_error: Some("the API server does not answer: connection refused".into()),
            pods: 4,
            containers: 9,
        },
        unreadable: vec![Unreadable { what: "memory.pressure".into(), why: "permission denied".into() }],
        missing: vec![Missing { what: "names".into(), why: "no API server".into(), remedy: "a cluster".into() }],
        limits: Limits { open_files: Some(1_048_576) },
        config: config(),
    }
}

fn config() -> RunConfig {
    let options = Options {
        data: Some("/data".into()),
        worktree: None,
        node_name: Some("node-1".into()),
        interval: Duration::from_secs(1),
        scope: Scope::Containers,
        cgroup_root: "/sys/fs/cgroup".into(),
        proc_root: "/proc".into(),
        names: Names::Auto,
        kubeconfig: None,
        host_root: "/".into(),
        rotate: Duration::from_secs(90),
        tail_bytes: 32 << 20,
        spill_interval: Duration::from_secs(5),
        retain_bytes: config::DEFAULT_RETAIN_BYTES,
        retain_age: config::DEFAULT_RETAIN_AGE,
        retain_rollup_age: config::DEFAULT_RETAIN_ROLLUP_AGE,
        process_interval: Some(Duration::from_secs(5)),
        listen: "127.0.0.1:8050".parse().unwrap(),
        metrics_listen: None,
        token_file: None,
        cpu_budget_percent: 2.0,
    };
    RunConfig::new(options, &Surroundings::default()).unwrap()
}
