//! The composition root: wires configuration, store, sampler and HTTP together, and takes them apart again in order.
//!
//! The only place that knows all of them. Stopping is by ownership: the sampler's thread ends and drops its sender, the
//! store drains and seals, then HTTP drains, so that answers stay whole to the end. The surprise: one async thread is
//! enough, because everything that takes time runs on threads of its own.

mod error;
pub mod exporting;
mod facts;
mod names;
mod processes;
pub mod recorded;
mod token;
pub mod viewing;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Resource, Rlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::app::recorded::Recordings;
use crate::clock;
use crate::collect::roster::Roster;
use crate::config::{DataDir, RunConfig, default_data_dirs};
use crate::health::Counters;
use crate::hierarchy::Hierarchy;
use crate::http::Http;
use crate::model::{Tick, UnixMicros};
use crate::own_use::OwnUseReader;
use crate::pods::cell::PodsCell;
use crate::sampler::naming::Naming;
use crate::sampler::wait::StopSwitch;
use crate::sampler::{self, Sampler, StatusCell};
use crate::service::asking::Asking;
use crate::service::facts::FactsCell;
use crate::service::{Readiness, Recorded, Service};
use crate::sight::{self, Reach};
use crate::store::data_dir::DataDirError;
use crate::store::retention::Budget;
use crate::store::{self, StartError, Store, Summary, WallClock};
use crate::token_file::TokenFile;
pub use error::Error;
use facts::CostWatch;
use processes::Reading;

/// How long HTTP may take to finish the answers that it is in.
const HTTP_GRACE: Duration = Duration::from_secs(3);

/// How often what the sampler tells about itself is passed on.
const FACTS_EVERY: Duration = Duration::from_secs(1);

/// Descriptors kept free for everything but kernel files: connections, segments, watches.
const RESERVED_FILES: u64 = 256;

/// Samples, records and serves until SIGTERM or SIGINT. At a second signal `abort` is called, which must end the process.
///
/// # Errors
/// When something cannot be started, the sampler fails, or rows are lost.
pub fn run(config: RunConfig, abort: fn()) -> Result<(), Error> {
    let start = |what| move |source| Error::Start { what, source };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(start("the runtime"))?;
    let ran = runtime.block_on(async {
        let interrupt = signal(SignalKind::interrupt()).map_err(start("signal handling"))?;
        let terminate = signal(SignalKind::terminate()).map_err(start("signal handling"))?;
        let mut signals = Signals { interrupt, terminate };
        let token = config.token_file.as_deref().map(TokenFile::open).transpose()?;
        let Some(recording) = signals.unless_first(Recording::open_aside(&config)).await.transpose()? else {
            info!("stopped before anything was sampled");
            return Ok(());
        };
        // Addresses come after the lock: until then another agent may still have them.
        let listener = listen("--listen", config.listen).await?;
        let metrics = match config.metrics_listen {
            Some(address) => Some(listen("--metrics-listen", address).await?),
            None => None,
        };
        let names = Naming::start(&config, &recording.counters).await?;
        let agent = Agent::start(&config, recording, names)?;
        say_where("API and metrics", &listener);
        metrics.iter().for_each(|listener| say_where("metrics alone", listener));
        let (stop_http, stopped) = watch::channel(());
        let http = token::guarded(Http::new(Arc::clone(&agent.service)), token);
        let http = tokio::spawn(serve(http, listener, metrics, stopped));
        let outcome = agent.watch(&config, &mut signals).await;
        tokio::spawn(async move {
            signals.next().await;
            abort();
        });
        let finished = agent.finish().await;
        drop(stop_http);
        if tokio::time::timeout(HTTP_GRACE, http).await.is_err() {
            info!("clients that did not finish reading were cut off");
        }
        outcome.and(finished)
    });
    // A start that was given up still waits for the data directory's lock.
    runtime.shutdown_background();
    ran
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// What the future comes to, unless a signal comes first.
    async fn unless_first<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! { output = future => Some(output), () = self.next() => None }
    }

    async fn next(&mut self) {
        tokio::select! { _ = self.interrupt.recv() => {}, _ = self.terminate.recv() => {} }
    }
}

async fn listen(flag: &'static str, address: SocketAddr) -> Result<TcpListener, Error> {
    let refused = |source| Error::Listen { flag, address, source };
    TcpListener::bind(address).await.map_err(refused)
}

fn say_where(what: &str, listener: &TcpListener) {
    // A listener that cannot tell its address serves all the same.
    if let Ok(bound) = listener.local_addr() {
        info!("{what} on http://{bound}/");
    }
}

async fn serve(http: Http, api: TcpListener, metrics: Option<TcpListener>, stopped: watch::Receiver<()>) {
    let until = |mut stopped: watch::Receiver<()>| async move {
        // An error says that the sender is gone, which is the signal.
        while stopped.changed().await.is_ok() {}
    };
    let alone = async {
        if let Some(listener) = metrics {
            http.serve_metrics(listener, until(stopped.clone())).await;
        }
    };
    let (served, ()) = tokio::join!(http.serve_api(api, until(stopped.clone())), alone);
    if let Err(error) = served {
        error!(%error, "the API's listener ended");
    }
}

/// What is there before anything is sampled: the hierarchies, and a data directory that is ours.
struct Recording {
    hierarchy: Hierarchy,
    counters: Arc<Counters>,
    started: UnixMicros,
    store: Store,
    ticks: SyncSender<Tick>,
}

impl Recording {
    /// Opens on a thread of its own: the wait for another agent to leave the data directory must not delay a signal.
    async fn open_aside(config: &RunConfig) -> Result<Self, Error> {
        let config = config.clone();
        let failed = |error| Error::Start { what: "recording", source: std::io::Error::other(error) };
        tokio::task::spawn_blocking(move || Self::open(&config)).await.map_err(failed)?
    }

    fn open(config: &RunConfig) -> Result<Self, Error> {
        let hierarchy = Hierarchy::detect(&config.cgroup_root)?;
        info!("{}", hierarchy.describe());
        let (counters, started) = (Arc::new(Counters::default()), clock::wall());
        let (store, ticks) = open_store(config, started, &counters)?;
        Ok(Self { hierarchy, counters, started, store, ticks })
    }
}

/// The running parts.
struct Agent {
    store: Store,
    sampler: JoinHandle<()>,
    stop: StopSwitch,
    status: StatusCell,
    reach: Reach,
    pods: Arc<PodsCell>,
    processes: Option<Reading>,
    service: Arc<Service>,
}

impl Agent {
    fn start(config: &RunConfig, recording: Recording, names: Naming) -> Result<Self, Error> {
        let Recording { hierarchy, counters, started, store, ticks } = recording;
        let open_files = raise_open_files();
        let pods = Arc::clone(&names.pods);
        let roster = config.process_interval.is_some().then(Arc::<Roster>::default);
        let options = sampler::Options {
            roster,
            node: true,
            interval: config.interval,
            scope: config.scope,
            proc_root: config.proc_root.clone(),
            cpu_budget: config.cpu_budget_percent / 100.0,
            may_keep_open: usize::try_from(open_files.unwrap_or(1 << 20).saturating_sub(RESERVED_FILES)).unwrap_or(0),
            names,
            ..sampler::Options::default()
        };
        let told = options.clone();
        let facts = facts::at_start(config, &store, (started, hierarchy.describe()), open_files);
        let (sampler, stop, status) = start_sampler(options, hierarchy.clone(), Arc::clone(&counters), ticks.clone())?;
        // Once the sampler knows who lives.
        let processes = Reading::start(config, (&hierarchy, &told), &counters, ticks)?;
        let own = OwnUseReader::new(&config.proc_root, &[&config.cgroup_root, Path::new("/sys/fs/cgroup")]);
        let recorded: Arc<dyn Recorded> = Arc::new(Recordings::of_store(store.reader()));
        let processes_usec = config.process_interval.and_then(|interval| i64::try_from(interval.as_micros()).ok());
        let service = Arc::new(Service {
            questions: Arc::new(Asking { recorded: Arc::clone(&recorded), processes_usec }),
            recorded,
            facts: Arc::new(FactsCell::new(facts)),
            counters,
            own_use: Box::new(move || own.read()),
            readiness: Arc::new(Readiness::default()),
        });
        let reach = sight::look::reach();
        Ok(Self { store, sampler, stop, status, reach, pods, processes, service })
    }

    /// Passes on what changes, until a signal comes or the sampler ends.
    async fn watch(&self, config: &RunConfig, signals: &mut Signals) -> Result<(), Error> {
        let (mut every, mut cost) = (Duration::from_millis(20), CostWatch::new(config));
        loop {
            tokio::select! {
                () = signals.next() => {
                    info!("stopping: sealing what is in memory");
                    return Ok(());
                }
                () = tokio::time::sleep(every) => {}
            }
            if self.sampler.is_finished() {
                return Err(Error::SamplerEnded);
            }
            if self.store.has_failed() {
                return Err(Error::StoreEnded);
            }
            self.pass_on_facts(config, &mut cost);
            if self.is_ready() {
                self.service.readiness.set();
                every = FACTS_EVERY;
            }
        }
    }

    /// What was sampled at the start is in the store, or there was nothing to sample.
    fn is_ready(&self) -> bool {
        let counters = &self.service.counters;
        counters.containers.get() == 0 || counters.tail_bytes.get() > 0
    }

    fn pass_on_facts(&self, config: &RunConfig, cost: &mut CostWatch) {
        let Ok(status) = self.status.lock().map(|status| status.clone()) else { return };
        let cost = cost.estimate(&status);
        self.service.facts.update(|known| {
            known.scope.effective = status.scope.unwrap_or(config.scope);
            known.scope.reason =
                status.scope_is_fallback.then(|| "this machine ran no container when the agent started".to_owned());
            known.unreadable = facts::unreadable(&status);
            known.unreadable.extend(self.processes.iter().flat_map(Reading::unreadable));
            known.cost = cost;
            known.names = self.pods.status();
            known.missing = facts::missing(&status, self.reach, &known.names);
        });
    }

    /// Stops the sampler, then the store; everything sampled is sealed when this returns.
    async fn finish(self) -> Result<(), Error> {
        self.stop.stop();
        let (sampler, store, processes) = (self.sampler, self.store, self.processes);
        let joined = tokio::task::spawn_blocking(move || {
            processes.into_iter().for_each(Reading::stop);
            let sampled = sampler.join();
            (sampled, store.join())
        });
        let Ok((sampled, summary)) = joined.await else { return Err(Error::SamplerEnded) };
        let Summary { files, rows, spilled_rows, lost_rows } = summary;
        info!(files, rows, spilled_rows, lost_rows, "sealed");
        match (sampled, lost_rows) {
            (Err(_), _) => Err(Error::SamplerEnded),
            (Ok(()), 0) => Ok(()),
            (Ok(()), lost) => Err(Error::RowsLost(lost)),
        }
    }
}

fn start_sampler(
    options: sampler::Options,
    hierarchy: Hierarchy,
    counters: Arc<Counters>,
    ticks: SyncSender<Tick>,
) -> Result<(JoinHandle<()>, StopSwitch, StatusCell), Error> {
    let failed = |source| Error::Start { what: "the sampler", source };
    let (sampler, stop, status) =
        Sampler::start(options, hierarchy, counters, ticks).map_err(|errno| failed(errno.into()))?;
    let thread = std::thread::Builder::new().name("fgm-sampler".to_owned()).spawn(|| sampler.run()).map_err(failed)?;
    Ok((thread, stop, status))
}

/// Opens the data directory that was asked for, or the first of the default ones that can be written.
fn open_store(
    config: &RunConfig,
    started: UnixMicros,
    counters: &Arc<Counters>,
) -> Result<(Store, SyncSender<Tick>), Error> {
    let candidates = match &config.data {
        DataDir::Explicit(path) => vec![path.clone()],
        DataDir::Default { worktree } => {
            let variable = |name| std::env::var_os(name).map(PathBuf::from);
            default_data_dirs(worktree, variable("XDG_STATE_HOME").as_deref(), variable("HOME").as_deref())
        }
    };
    let tail_bytes = usize::try_from(config.tail_bytes).unwrap_or(usize::MAX);
    let (mut refused, last) = (Vec::new(), candidates.len().saturating_sub(1));
    for (index, data) in candidates.into_iter().enumerate() {
        let options = store::Options {
            interval: config.interval,
            config: serde_json::to_value(config).unwrap_or_default(),
            rotate: config.rotate,
            tail_bytes,
            frozen_bytes: tail_bytes.saturating_mul(store::FROZEN_TAILS),
            spill_interval: config.spill_interval,
            budget: Budget { bytes: config.retain_bytes, age: config.retain_age, rollup_age: config.retain_rollup_age },
            clock: WallClock::new(clock::wall),
            ..store::Options::new(&data, &config.node, started)
        };
        match Store::start(options, Arc::clone(counters)) {
            Ok(opened) => {
                info!("recording to {}", data.display());
                return Ok(opened);
            }
            Err(StartError::DataDir(DataDirError::Unwritable { path, source })) if last > 0 => {
                if index < last {
                    info!("cannot write {} ({source}): trying the user's state directory", path.display());
                }
                refused.push(format!("{} ({source})", path.display()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::NoDataDir(refused.join(" nor ")))
}

/// Raises the soft limit of open files to the hard one; the limit then in force, none without one.
fn raise_open_files() -> Option<u64> {
    let Rlimit { current, maximum } = rustix::process::getrlimit(Resource::Nofile);
    match rustix::process::setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            warn!(%error, "cannot raise the limit of open files: files beyond it are opened for each read");
            current
        }
    }
}
