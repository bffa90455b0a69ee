//! Who used the processors during a measurement.

use std::{
    collections::BTreeMap,
    num::NonZero,
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde::Serialize;

use crate::process::{machine_busy_time, processor_time};

/// At this share of the cores that it may use, a process is what limits the rest.
const SATURATED: f64 = 0.9;

/// A process of the measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Party {
    pub(crate) name: &'static str,
    pub(crate) pid: u32,
    /// How many cores it can use at most.
    pub(crate) cores: u32,
}

/// A measurement under way.
pub(crate) struct Meter {
    parties: Vec<(Party, Duration)>,
    machine: Duration,
    began: Instant,
}

/// What a measurement used.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Usage {
    pub(crate) seconds: f64,
    /// Processor seconds of each party.
    pub(crate) cpu_seconds: BTreeMap<&'static str, f64>,
    /// Processor seconds of everything else on the machine.
    pub(crate) others_cpu_seconds: f64,
    /// Which process, or the machine as a whole, could do no more.
    pub(crate) saturated: String,
}

pub(crate) fn cores() -> u32 {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    u32::try_from(cores).unwrap_or(1)
}

impl Meter {
    pub(crate) fn start(parties: &[Party]) -> Result<Self> {
        let parties = parties.iter().map(|party| Ok((*party, processor_time(party.pid)?)));
        Ok(Self {
            parties: parties.collect::<Result<_>>()?,
            machine: machine_busy_time()?,
            began: Instant::now(),
        })
    }

    pub(crate) fn stop(self) -> Result<Usage> {
        let seconds = self.began.elapsed().as_secs_f64();
        let machine = machine_busy_time()?.saturating_sub(self.machine).as_secs_f64();
        let used = self.parties.iter().map(|(party, before)| {
            Ok((*party, processor_time(party.pid)?.saturating_sub(*before).as_secs_f64()))
        });
        let used = used.collect::<Result<Vec<_>>>()?;
        let ours = used.iter().map(|(_, seconds)| seconds).sum::<f64>();
        let saturated = saturated(&used, seconds, machine);
        let cpu_seconds = used.into_iter().map(|(party, seconds)| (party.name, seconds)).collect();
        Ok(Usage { seconds, cpu_seconds, others_cpu_seconds: (machine - ours).max(0.0), saturated })
    }
}

impl Usage {
    /// Processor seconds of one party.
    pub(crate) fn of(&self, name: &str) -> f64 {
        self.cpu_seconds.get(name).copied().unwrap_or_default()
    }
}

/// The parties at their own limit; else the machine, if all its cores are busy; else nobody.
fn saturated(used: &[(Party, f64)], seconds: f64, machine: f64) -> String {
    let full = used.iter().filter(|(party, used)| *used >= SATURATED * seconds * f64::from(party.cores));
    let full = full.map(|(party, _)| party.name).collect::<Vec<_>>();
    if !full.is_empty() {
        return full.join(", ");
    }
    if machine >= SATURATED * seconds * f64::from(cores()) { "machine".to_owned() } else { "none".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{Meter, Party, cores, saturated};

    fn party(name: &'static str, cores: u32) -> Party {
        Party { name, pid: std::process::id(), cores }
    }

    #[test]
    fn a_process_is_saturated_by_the_cores_that_it_may_use() {
        let used = [(party("user-service", 1), 9.5), (party("rabbitmq", 2), 9.5)];
        assert_eq!(saturated(&used, 10.0, 19.0), "user-service");
        assert_eq!(saturated(&used[1..], 10.0, 10.0 * f64::from(cores())), "machine");
        assert_eq!(saturated(&used[1..], 10.0, 0.0), "none");
    }

    #[test]
    fn a_measurement_counts_this_process() {
        let usage = Meter::start(&[party("bench", 1)]).unwrap().stop().unwrap();
        assert!(usage.cpu_seconds.contains_key("bench"));
        assert!(usage.of("bench") < 1.0 && usage.of("nobody") == 0.0);
    }
}
