//! The agent's part: its passes, the ones that it misses, and its restarts.

use fgm_agent::event::{Draft, Kind};
use fgm_agent::model::UnixMicros;

use super::World;
use crate::recorder::Recorder;
use crate::truth::{Fact, What};

/// Pods and processes are read once in so many seconds.
const PROCESSES_EVERY_S: i64 = 5;
/// The reader of processes is a thread of its own, which begins some time after the sampler.
const PROCESSES_LATER_USEC: i64 = 40_000;

impl World {
    /// Starts and stops the agent as planned.
    pub(super) fn agent_comes_and_goes(&mut self, second: i64, recorder: &mut Recorder) {
        let stop = self.plan.stops.iter().find(|(from, to)| second == *from || second == *to).copied();
        let is_first = second == 0;
        let Some((from, to)) = stop else {
            if is_first {
                self.tell_of_the_start(second, recorder);
            }
            return;
        };
        self.is_sampled = second == to;
        let (from_us, to_us) = (self.clock.second(from), self.clock.second(to));
        if self.is_sampled {
            self.clock.restart();
            self.tell_of_the_start(second, recorder);
            let what = What::Gap { reason: "agent_restart".to_owned() };
            self.truth.facts.push(Fact { of: None, from_us, to_us, what });
        } else {
            recorder.event(Draft::new(Kind::AgentStop, self.clock.early_in(second), "fgm-agent stops sampling"));
        }
    }

    fn tell_of_the_start(&mut self, second: i64, recorder: &mut Recorder) {
        let count = self.places.iter().filter(|place| place.life.is_some()).count();
        let message = format!("fgm-agent began to sample {count} cgroups every 1s");
        let draft = Draft::new(Kind::AgentStart, self.clock.early_in(second), message);
        recorder.event(draft.number("count", i64::try_from(count).unwrap_or_default()));
    }

    /// A pass over everything, unless it is missed.
    pub(super) fn pass(&mut self, second: i64, recorder: &mut Recorder) {
        let missed = self.plan.missed.iter().find(|(from, count)| (*from..from + count).contains(&second)).copied();
        let mut time = self.clock.pass(second);
        if !self.is_sampled {
            return;
        }
        if let Some((from, count)) = missed {
            if second + 1 == from + count {
                self.tell_of_missed((from, count), time, recorder);
            }
            return;
        }
        let with_processes = second % PROCESSES_EVERY_S == 0;
        time = self.record_machine(time, recorder);
        for place in &mut self.places {
            let Some(life) = &mut place.life else { continue };
            time += self.clock.reading();
            let counted = with_processes.then(|| life.processes.counted(&life.account));
            life.record((time, false), counted, recorder);
            if let Some(draft) = life.note_throttling(place.outcome, time) {
                recorder.event(draft);
            }
        }
        if with_processes {
            self.pass_of_processes(time, recorder);
        }
    }

    fn pass_of_processes(&mut self, mut time: UnixMicros, recorder: &mut Recorder) {
        for pod in &mut self.pods {
            time += self.clock.reading();
            let lives = self.slots.iter().zip(&self.places).filter(|(slot, _)| slot.pod == pod.place);
            let accounts = lives.filter_map(|(_, place)| place.life.as_ref().map(|life| life.account.values()));
            pod.record(time, &accounts.collect::<Vec<_>>(), recorder);
        }
        time += PROCESSES_LATER_USEC;
        for place in &mut self.places {
            let Some(life) = &mut place.life else { continue };
            time += 400 + self.clock.reading() * 8;
            life.processes.record(&life.account, time, recorder, &mut place.rng);
        }
        for pod in &mut self.pods {
            time += 100 + self.clock.reading();
            pod.record_network(time, recorder);
        }
    }

    fn tell_of_missed(&mut self, (from, count): (i64, i64), time: UnixMicros, recorder: &mut Recorder) {
        let message = format!("{count} samples were not taken at their time: a pass still ran, or this thread did not");
        recorder.event(Draft::new(Kind::MissedTicks, time, message).number("count", count));
        let (from_us, to_us) = (self.clock.second(from), self.clock.second(from + count));
        let what = What::Gap { reason: "missed_ticks".to_owned() };
        self.truth.facts.push(Fact { of: None, from_us, to_us, what });
    }

    fn record_machine(&mut self, time: UnixMicros, recorder: &mut Recorder) -> UnixMicros {
        let lives = self.places.iter().filter_map(|place| place.life.as_ref());
        let books: Vec<&[i64]> = lives.map(|life| life.account.values()).collect();
        self.machine.record(time, &books, recorder)
    }
}
