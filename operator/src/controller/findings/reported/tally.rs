//! Counts pods by what they report.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::jiff::Timestamp;

use crate::pod_reports::{
    PodReport, Said,
    report::{Report, Trouble},
};

/// Pods by what they say of themselves.
#[derive(Default)]
pub(super) struct Tally<'a> {
    /// How many can use everything they need.
    usable: usize,
    /// Those that cannot, with name and troubles.
    unusable: Vec<(&'a str, Vec<(&'a str, &'a Trouble)>)>,
    /// How many have no reports, and are ready by their own probe.
    without_report: usize,
    /// How long each of the others has not answered.
    pub(super) silent: Vec<Duration>,
}

impl<'a> Tally<'a> {
    /// `troubles` picks from a report what counts.
    pub(super) fn of<P, T>(pods: P, troubles: T) -> Self
    where
        P: Iterator<Item = &'a PodReport>,
        T: Fn(&'a Report) -> Option<Vec<(&'a str, &'a Trouble)>>,
    {
        let mut tally = Self::default();
        for pod in pods {
            match &pod.said {
                Said::Report(report) => match troubles(report) {
                    Some(troubles) if troubles.is_empty() => tally.usable += 1,
                    Some(troubles) => tally.unusable.push((&pod.pod, troubles)),
                    None => {}
                },
                Said::Nothing => tally.without_report += usize::from(pod.ready),
                Said::Silent(time) => tally.silent.push(*time),
            }
        }
        tally
    }

    /// Some pod can do its work, as far as is known.
    pub(super) fn any_usable(&self) -> bool {
        self.usable + self.without_report > 0
    }

    /// No pod is in trouble.
    pub(super) fn is_clean(&self) -> bool {
        self.unusable.is_empty()
    }

    /// The trouble that most pods have; of equals the first by the name of its check.
    pub(super) fn main_trouble(&self) -> Option<&'a Trouble> {
        let mut counts = BTreeMap::<(&str, &str), (usize, &'a Trouble)>::new();
        for (check, trouble) in self.unusable.iter().flat_map(|(_, troubles)| troubles) {
            counts.entry((check, &trouble.reason)).or_insert((0, trouble)).0 += 1;
        }
        // `max_by_key` takes the last of equals.
        counts.into_values().rev().max_by_key(|(count, _)| *count).map(|(_, trouble)| trouble)
    }

    /// Since when no pod can do its work: each since its first trouble, all since the last pod had one.
    pub(super) fn unusable_since(&self) -> Option<Timestamp> {
        let of_pod =
            |(_, troubles): &(_, Vec<(_, &Trouble)>)| troubles.iter().map(|(_, trouble)| trouble.since).min();
        self.unusable.iter().filter_map(of_pod).max()
    }

    /// Which pods are in trouble: `demo-user-service-1: It does not answer.`
    pub(super) fn names(&self) -> String {
        let of_pod = |(pod, troubles): &(&str, Vec<(&str, &Trouble)>)| {
            let messages = troubles.iter().map(|(_, trouble)| trouble.message.as_str()).collect::<Vec<_>>();
            format!("{pod}: {}", messages.join(" "))
        };
        self.unusable.iter().map(of_pod).collect::<Vec<_>>().join("; ")
    }
}
