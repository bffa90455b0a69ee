//! The answers of the pods of one stack, and what they are worth at a moment.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use super::{reader::Answer, report::Report};

/// How long a report counts while its pod does not answer: three rounds of questions.
pub const MAX_AGE: Duration = Duration::from_secs(45);

/// What the pods of a stack say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reports {
    /// The running pods of user-service, by name.
    pub user_service: Vec<PodReport>,
    /// The running pods of mail-service, by name.
    pub mail_service: Vec<PodReport>,
}

/// What one pod says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodReport {
    /// Its name.
    pub pod: String,
    /// Whether Kubernetes counts it as ready.
    pub ready: bool,
    /// Its report, or why there is none.
    pub said: Said,
}

/// The report of a pod, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Its report, at most [`MAX_AGE`] old.
    Report(Report),
    /// It answers without one: its image is older than the reports.
    Nothing,
    /// It has not answered for this long.
    Silent(Duration),
}

impl Reports {
    /// Whether another condition could follow from these. A new pod without trouble is no difference: the watch of pods
    /// sees it.
    #[must_use]
    pub fn differs_from(&self, other: &Self) -> bool {
        self.troubles() != other.troubles()
    }

    fn troubles(&self) -> HashSet<(&str, &str, &str)> {
        let pods = self.user_service.iter().chain(&self.mail_service);
        pods.flat_map(PodReport::troubles).collect()
    }
}

impl PodReport {
    fn troubles(&self) -> Vec<(&str, &str, &str)> {
        let pod = self.pod.as_str();
        match &self.said {
            Said::Report(report) => {
                report.troubles().map(|(check, trouble)| (pod, check, trouble.reason.as_str())).collect()
            }
            Said::Nothing => vec![(pod, "", "")],
            Said::Silent(_) => vec![(pod, "silent", "")],
        }
    }
}

/// Whether Kubernetes sends requests to the pod.
pub(super) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// The answers of the pods of a stack, by the pod's uid.
#[derive(Debug, Default)]
pub(super) struct Readings(HashMap<String, Reading>);

/// One question to a pod.
#[derive(Debug)]
pub(super) struct Asked {
    /// When.
    pub(super) at: Instant,
    /// Whether the pod was ready then.
    pub(super) ready: bool,
    /// What came of it.
    pub(super) answer: Answer,
}

#[derive(Debug)]
struct Reading {
    first_asked: Instant,
    was_ready: bool,
    latest: Answer,
    report: Option<(Instant, Report)>,
}

impl Readings {
    /// Whether nobody has asked the pod yet, or only when it could not be expected to answer.
    pub(super) fn is_asked_first(&self, uid: &str, ready: bool) -> bool {
        self.0.get(uid).is_none_or(|reading| ready && !reading.was_ready)
    }

    /// Replaces the latest answer of a pod.
    pub(super) fn record(&mut self, uid: String, asked: Asked) {
        let Asked { at, ready, answer } = asked;
        let new = || Reading { first_asked: at, was_ready: ready, latest: Answer::Silent, report: None };
        let reading = self.0.entry(uid).or_insert_with(new);
        reading.was_ready = ready;
        match &answer {
            Answer::Report(report) => reading.report = Some((at, report.clone())),
            Answer::NoReport => reading.report = None,
            Answer::Silent => {}
        }
        reading.latest = answer;
    }

    /// Forgets all pods but these.
    pub(super) fn retain<'a>(&mut self, uids: impl Iterator<Item = &'a str>) {
        let uids = uids.collect::<HashSet<_>>();
        self.0.retain(|uid, _| uids.contains(uid.as_str()));
    }

    /// What those of the pods say that were asked.
    pub(super) fn of(&self, pods: &[Arc<Pod>], now: Instant) -> Vec<PodReport> {
        let asked = pods.iter().filter_map(|pod| Some((pod, self.0.get(pod.metadata.uid.as_deref()?)?)));
        let living = asked.filter(|(pod, _)| pod.metadata.deletion_timestamp.is_none());
        let report = |(pod, reading): (&Arc<Pod>, &Reading)| PodReport {
            pod: pod.name_any(),
            ready: is_ready(pod),
            said: reading.said(now),
        };
        living.map(report).collect()
    }
}

impl Reading {
    fn said(&self, now: Instant) -> Said {
        if self.latest == Answer::NoReport {
            return Said::Nothing;
        }
        match &self.report {
            Some((asked, report)) if now.saturating_duration_since(*asked) <= MAX_AGE => {
                Said::Report(report.clone())
            }
            last => {
                let since = last.as_ref().map_or(self.first_asked, |(asked, _)| *asked);
                Said::Silent(now.saturating_duration_since(since))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Instant};

    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;

    use super::{Answer, Asked, MAX_AGE, Readings, Report, Said};

    fn pods() -> [Arc<Pod>; 1] {
        [Arc::new(serde_json::from_value(json!({ "metadata": { "name": "a", "uid": "a" } })).unwrap())]
    }

    fn record(readings: &mut Readings, at: Instant, answer: Answer) {
        readings.record("a".to_owned(), Asked { at, ready: true, answer });
    }

    #[test]
    fn a_report_counts_for_45_seconds_of_silence() {
        let mut readings = Readings::default();
        let start = Instant::now();
        record(&mut readings, start, Answer::Report(Report::default()));
        record(&mut readings, start + MAX_AGE, Answer::Silent);
        let said = |now| readings.of(&pods(), now)[0].said.clone();
        assert_eq!(said(start + MAX_AGE), Said::Report(Report::default()));
        assert_eq!(said(start + MAX_AGE * 2), Said::Silent(MAX_AGE * 2));
    }

    #[test]
    fn an_answer_that_is_no_report_counts_at_once() {
        let mut readings = Readings::default();
        let start = Instant::now();
        record(&mut readings, start, Answer::Report(Report::default()));
        record(&mut readings, start, Answer::NoReport);
        assert_eq!(readings.of(&pods(), start)[0].said, Said::Nothing);
    }

    #[test]
    fn a_pod_that_nobody_asked_says_nothing_at_all() {
        assert!(Readings::default().of(&pods(), Instant::now()).is_empty());
    }
}
