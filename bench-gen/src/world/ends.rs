//! How containers begin and end: replaced, killed for memory, or by an error of their own.

use std::sync::Arc;

use fgm_agent::event::{Draft, Kind};
use fgm_agent::metric::METRICS;
use fgm_agent::model::UnixMicros;

use super::{Birth, World};
use crate::clock::SECOND_USEC;
use crate::columns::metric as m;
use crate::names::PodNames;
use crate::plan::Replacement;
use crate::recorder::Recorder;
use crate::shape::Profile;
use crate::truth::What;

/// Between the ends of what goes together; so short that a second's ends stay in it.
const BETWEEN_ENDS_USEC: i64 = 12_000;

/// Why a container ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Somebody replaced it; with a new pod or in its own.
    Replaced { with_new_pod: bool },
    /// The kernel killed it.
    OutOfMemory,
    /// It ended with an error.
    Error,
}

impl Why {
    /// The kubelet's word, and the exit code.
    pub(super) fn reason(self) -> (&'static str, i64) {
        match self {
            Self::Replaced { .. } => ("Completed", 0),
            Self::OutOfMemory => ("OOMKilled", 137),
            Self::Error => ("Error", 1),
        }
    }
}

/// An end of a container.
#[derive(Clone, Copy, Debug)]
struct End {
    second: i64,
    time: UnixMicros,
    why: Why,
}

impl World {
    /// Starts whoever is due.
    pub(super) fn births(&mut self, second: i64, recorder: &mut Recorder) {
        for index in 0..self.slots.len() {
            let due = self.places[index].birth.take_if(|birth| birth.at_s <= second);
            let Some(Birth { restarts, reason, .. }) = due else { continue };
            self.start(index, (second, restarts, reason));
            let Some(life) = &self.places[index].life else { continue };
            let identity = Arc::clone(&life.identity);
            if self.is_sampled {
                let time = self.clock.early_in(second);
                let message = format!("container {} appeared", identity.path);
                recorder.event(life.of(Draft::new(Kind::ContainerStart, time, message)));
                if restarts > 0 {
                    let who = self.slots[index].container;
                    let why = reason.map_or_else(String::new, |reason| format!("; the one before: {reason}"));
                    let message = format!("{who} was started again, {restarts} times by now{why}");
                    let draft = Draft::new(Kind::ContainerRestart, time, message).reason(reason.map(str::to_owned));
                    recorder.event(life.of(draft.number("count", i64::from(restarts))));
                }
            }
            self.restarted(index, &identity);
            self.open_lasting(index, second);
        }
    }

    /// Ends whoever is due in this second.
    pub(super) fn ends(&mut self, second: i64, recorder: &mut Recorder) {
        for index in 0..self.slots.len() {
            if self.places[index].outcome.is_out_of_memory {
                self.out_of_memory(index, second, recorder);
            } else if self.plan.slots[index].crashes.contains(&second) {
                let time = self.clock.late_in(second);
                self.end(index, End { second, time, why: Why::Error }, recorder);
            }
            self.change_limit(index, second, recorder);
        }
        let replacements = &self.plan.replacements;
        if let Some(Replacement { pods, with_new_pods, .. }) =
            replacements.get(self.next_replacement).filter(|next| next.at_s <= second).cloned()
        {
            self.next_replacement += 1;
            for pod in pods {
                self.replace(pod, (second, with_new_pods), recorder);
            }
        }
    }

    fn replace(&mut self, pod: usize, (second, with_new_pod): (i64, bool), recorder: &mut Recorder) {
        let members: Vec<usize> = (0..self.slots.len()).filter(|&index| self.slots[index].pod == pod).collect();
        let time = self.clock.late_in(second);
        for (number, &index) in (0..).zip(&members) {
            let why = Why::Replaced { with_new_pod };
            self.end(index, End { second, time: time + number * BETWEEN_ENDS_USEC, why }, recorder);
        }
        if with_new_pod {
            let Some(&first) = members.first() else { return };
            let time = time + members.len() as i64 * BETWEEN_ENDS_USEC;
            self.pods[pod].end(time, self.is_sampled, recorder);
            let names = PodNames::new(&self.slots[first], &mut self.rng);
            self.pods[pod].replace(names, &self.slots[first], &mut self.rng);
        }
    }

    fn out_of_memory(&mut self, index: usize, second: i64, recorder: &mut Recorder) {
        let profile = self.slots[index].profile;
        let place = &mut self.places[index];
        let Some(life) = &mut place.life else { return };
        let base = self.slots[index].shape.anon_pages as i64;
        // At the limit the container's only process is killed; of two, the worker.
        life.account.kill(if profile == Profile::WorkerOom { base } else { 64 });
        let time = self.clock.late_in(second);
        let victim = life.processes.largest();
        if self.is_sampled {
            let path = &life.identity.path;
            let who = victim.as_ref().map_or_else(String::new, |(comm, pid)| format!("{comm} (pid {pid})"));
            let draft = Draft::new(Kind::OomKill, time, format!("the kernel killed {who} for memory in {path}"));
            let draft = draft.number("count", 1).number("uncertainty_usec", 10_000);
            let draft = draft.number("pid", victim.as_ref().map(|(_, pid)| *pid));
            recorder.event(life.of(draft.comm(victim.map(|(comm, _)| comm))));
        }
        let ends_container = profile != Profile::WorkerOom;
        if !ends_container {
            life.processes.replace_worker(&life.account, second, &mut place.rng);
            life.leaks_since_s = second + 1;
        }
        self.machine.killed();
        self.killed(index, (time, ends_container));
        if ends_container {
            // The kernel's kill comes first, then the container's end.
            let end = End { second, time: time + BETWEEN_ENDS_USEC, why: Why::OutOfMemory };
            self.end(index, end, recorder);
        } else {
            self.open_leak(index, second + 1);
        }
    }

    fn end(&mut self, index: usize, End { second, time, why }: End, recorder: &mut Recorder) {
        self.close_lasting(index, second);
        let slot = &self.slots[index];
        let Some(mut life) = self.places[index].life.take() else { return };
        let (reason, exit_code) = why.reason();
        if self.is_sampled {
            life.record((time, true), None, recorder);
            life.end_throttling(time).into_iter().for_each(|draft| recorder.event(draft));
            recorder.event(life.stop(time, (second - life.born_s) * SECOND_USEC));
            let message = format!("{} ended: {reason}, exit code {exit_code}", slot.container);
            let draft = Draft::new(Kind::ContainerTerminated, time + BETWEEN_ENDS_USEC / 2, message);
            let draft = draft.reason(Some(reason.to_owned())).number("exit_code", exit_code);
            recorder.event(life.of(draft.number("uncertainty_usec", 1_000_000)));
        }
        self.pods[slot.pod].left(index, life.account.values());
        let same_pod = why != Why::Replaced { with_new_pod: true };
        let restarts = if same_pod { life.identity.restart_count.unwrap_or_default() + 1 } else { 0 };
        let at_s = second + self.delay(index, (second, why));
        let reason = same_pod.then_some(reason);
        self.places[index].birth = Some(Birth { at_s, restarts, reason });
        self.ended((index, time), &life.identity, why);
    }

    /// Seconds until the next container starts: at once at first, then the kubelet waits longer and longer.
    fn delay(&mut self, index: usize, (second, why): (i64, Why)) -> i64 {
        let crashes = &self.plan.slots[index].crashes;
        match (why, crashes.iter().position(|&at| at == second)) {
            (Why::Error, Some(number)) => 10 << (number % 5),
            _ => 2 + self.rng.below(6) as i64,
        }
    }

    fn change_limit(&mut self, index: usize, second: i64, recorder: &mut Recorder) {
        let change = self.plan.slots[index].limit_changes.iter().find(|(at_s, _)| *at_s == second);
        let (Some(&(_, factor)), Some(life)) = (change, &mut self.places[index].life) else { return };
        let before = life.account.values()[m::memory_max_bytes];
        life.account.limit_memory((before as f64 * factor / 4096.0) as i64);
        let after = life.account.values()[m::memory_max_bytes];
        let metric = &METRICS[m::memory_max_bytes];
        let time = self.clock.late_in(second);
        if self.is_sampled {
            recorder.event(life.of(Draft::limit_change(time, metric, before, after)));
        }
        self.tell(index, (time, time), What::LimitChange { metric: metric.name.to_owned(), before, after });
    }
}
