//! A pod: its cgroup, whose counters keep what containers used that are gone, and its network.

use std::sync::Arc;

use fgm_agent::metric::{Kind, METRICS, UNLIMITED};
use fgm_agent::model::{ColumnSet, UnixMicros};
use fgm_agent::subject::{Interface, Owner, Subject};

use crate::columns::{EVERY_TICK, SUPPORT, metric as m, network as n};
use crate::names::PodNames;
use crate::recorder::{Recorder, Series};
use crate::rng::Rng;
use crate::scenario::Slot;

/// A pod.
#[derive(Debug)]
pub struct Pod {
    /// Its place among the scenario's pods.
    pub place: usize,
    /// Who it is.
    pub names: PodNames,
    members: Vec<usize>,
    series: Series,
    /// What containers used that are gone.
    gone: Box<[i64]>,
    values: Box<[i64]>,
    network: Network,
}

impl Pod {
    /// A pod that begins, for a slot of it.
    #[must_use]
    pub fn new(names: PodNames, slot: &Slot, rng: &mut Rng) -> Self {
        let identity = Arc::new(names.identity(slot));
        let owner = Owner::pod(&identity);
        Self {
            place: slot.pod,
            series: Series::new(Subject::Pod(identity), *SUPPORT),
            gone: vec![0; m::WIDTH].into_boxed_slice(),
            values: vec![0; m::WIDTH].into_boxed_slice(),
            network: Network::new(&owner, rng),
            members: Vec::new(),
            names,
        }
    }

    /// Another pod takes its place.
    pub fn replace(&mut self, names: PodNames, slot: &Slot, rng: &mut Rng) {
        *self = Self::new(names, slot, rng);
    }

    /// A container of a slot started in it.
    pub fn joined(&mut self, slot: usize) {
        self.members.push(slot);
    }

    /// A container of a slot ended.
    pub fn left(&mut self, slot: usize, values: &[i64]) {
        self.members.retain(|member| *member != slot);
        let counters = METRICS.iter().enumerate().filter(|(_, metric)| metric.kind == Kind::Counter);
        counters.for_each(|(column, _)| self.gone[column] += values[column]);
    }

    /// A second goes by.
    pub fn step(&mut self, slots: &[Slot], load: impl Fn(usize) -> f64, rng: &mut Rng) {
        let requests = self.members.iter().map(|&slot| slots[slot].shape.requests * load(slot)).sum();
        self.network.step(requests, rng);
    }

    /// A row of the pod's cgroup, given the books of its containers.
    pub fn record(&mut self, time: UnixMicros, containers: &[&[i64]], recorder: &mut Recorder) {
        self.add_up(containers);
        recorder.row(&mut self.series, (time, false), *EVERY_TICK, &self.values);
    }

    /// Its last row.
    pub fn end(&mut self, time: UnixMicros, is_sampled: bool, recorder: &mut Recorder) {
        self.add_up(&[]);
        if is_sampled {
            recorder.row(&mut self.series, (time, true), *EVERY_TICK, &self.values);
        }
    }

    /// Rows of its interface and its protocols.
    pub fn record_network(&mut self, time: UnixMicros, recorder: &mut Recorder) {
        self.network.record(time, recorder);
    }

    fn add_up(&mut self, containers: &[&[i64]]) {
        let peak = self.values[m::memory_peak_bytes];
        let pids_peak = self.values[m::pids_peak];
        for (column, metric) in METRICS.iter().enumerate() {
            let of_each = containers.iter().map(|values| values[column]);
            self.values[column] = match metric.kind {
                Kind::Limit if of_each.clone().any(|limit| limit == UNLIMITED) => UNLIMITED,
                // A container that is just being started again has its part of the limit all the same.
                Kind::Limit => of_each.sum::<i64>().max(self.values[column]),
                Kind::Counter => self.gone[column] + of_each.sum::<i64>(),
                _ => of_each.sum(),
            };
        }
        let v = &mut self.values;
        (v[m::cpu_period_usec], v[m::pids_max]) = (100_000, UNLIMITED);
        // A container's peaks need not have come at one time.
        v[m::memory_peak_bytes] = peak.max(v[m::memory_current_bytes]);
        v[m::pids_peak] = pids_peak.max(v[m::pids_current]);
    }
}

/// The network of a pod, or of the node.
#[derive(Debug)]
pub struct Network {
    interface: Series,
    protocols: Series,
    values: [i64; n::WIDTH],
}

impl Network {
    /// A network that was just made; no owner for the node's.
    #[must_use]
    pub fn new(owner: &Owner, rng: &mut Rng) -> Self {
        let netns = Some((4_026_532_000 + rng.below(9000)).to_string());
        let series = |interface: Option<&str>| {
            let interface = interface.map(str::to_owned);
            let one = Interface { owner: owner.clone(), netns: netns.clone(), interface };
            Series::new(Subject::Interface(Arc::new(one)), Default::default())
        };
        Self { interface: series(Some("eth0")), protocols: series(None), values: [0; n::WIDTH] }
    }

    /// A second with so many requests.
    pub fn step(&mut self, requests: f64, rng: &mut Rng) {
        let v = &mut self.values;
        let count = rng.count(requests);
        let opened = rng.count(requests / 25.0);
        let (received, sent) = (count * 3 + opened * 2, count * 4 + opened * 2);
        v[n::receive_packets] += received;
        v[n::transmit_packets] += sent;
        v[n::receive_bytes] += count * 620 + rng.below(1 + count.unsigned_abs() * 90) as i64 + opened * 148;
        v[n::transmit_bytes] += count * 2900 + rng.below(1 + count.unsigned_abs() * 1400) as i64 + opened * 132;
        v[n::tcp_in_segments] += received;
        v[n::tcp_out_segments] += sent;
        v[n::tcp_passive_opens] += opened;
        v[n::tcp_active_opens] += opened / 3;
        v[n::tcp_retransmits] += i64::from(rng.chance((requests / 4000.0).min(0.5)));
        v[n::receive_dropped] += i64::from(rng.chance(0.0005));
        if requests > 2.0 && rng.chance(0.2) {
            v[n::tcp_established] = (2.0 + requests / 6.0 + rng.normal() * 2.0).max(0.0) as i64;
        }
        if requests > 1.0 && rng.chance(0.1) {
            let datagrams = rng.below(4) as i64;
            v[n::udp_in_datagrams] += datagrams;
            v[n::udp_out_datagrams] += datagrams;
        }
    }

    /// Rows of the interface and of the protocols.
    pub fn record(&mut self, time: UnixMicros, recorder: &mut Recorder) {
        let protocols_begin = n::tcp_active_opens;
        let of_interface: ColumnSet = (n::receive_bytes..protocols_begin).collect();
        let of_protocols: ColumnSet = (protocols_begin..n::WIDTH).collect();
        recorder.row(&mut self.interface, (time, false), of_interface, &self.values);
        recorder.row(&mut self.protocols, (time, false), of_protocols, &self.values);
    }
}
