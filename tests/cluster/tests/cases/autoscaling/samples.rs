//! One run second by second, for the figures and the picture in `docs/measurements.md`.

use std::{
    cell::RefCell,
    fmt::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use cluster::{Case, Stack};

/// What `tests/cluster/picture` draws.
const FILE: &str = ".build/cluster-cases/autoscaling.samples";
/// A backlog that calls for all consumers.
const DEEP: u64 = 700;

/// Backlog and consumers over time.
#[derive(Debug, Default)]
pub(super) struct Samples(RefCell<Vec<Sample>>);

#[derive(Debug, Clone)]
struct Sample {
    second: u64,
    /// None while it is unknown.
    backlog: Option<u64>,
    consumers: i32,
}

/// Runs `body` and samples the stack meanwhile.
pub(super) async fn sampled(demo: &Stack<'_>, samples: &Samples, body: impl Future<Output = ()>) {
    let began = Instant::now();
    let sampling = async {
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        loop {
            seconds.tick().await;
            let backlog = demo.backlog().await.ok();
            // The API server may be slow for once.
            if let Ok(consumers) = demo.consumers().await {
                samples.0.borrow_mut().push(Sample { second: began.elapsed().as_secs(), backlog, consumers });
            }
        }
    };
    tokio::select! {
        () = body => {}
        () = sampling => {}
    }
}

impl Samples {
    /// Prints the figures of the run, and writes what the picture is drawn from.
    pub(super) fn report(&self, case: &Case, most_consumers: i32) {
        let samples = self.0.borrow();
        let first = |holds: &dyn Fn(&Sample) -> bool| {
            samples.iter().find(|sample| holds(sample)).map(|sample| sample.second)
        };
        let waiting = |sample: &Sample| sample.backlog.is_some_and(|backlog| backlog > 0);
        let deep = first(&|sample| sample.backlog.is_some_and(|backlog| backlog > DEEP));
        let many = first(&|sample| sample.consumers == most_consumers);
        let began = first(&waiting);
        let empty = samples.iter().rev().find(|sample| waiting(sample)).map(|sample| sample.second);
        let most = samples.iter().filter_map(|sample| sample.backlog).max();
        let seconds = |from: Option<u64>, to: Option<u64>| Some(to?.saturating_sub(from?));
        case.step(&format!(
            "most mails queued: {most:?}; {most_consumers} consumers {:?} s after the depth called for them; \
             the queue was empty {:?} s after the first mail",
            seconds(deep, many),
            seconds(began, empty),
        ));
        write(&case.cluster.repository, &samples);
    }
}

/// A line of second, backlog (`-` while it is unknown) and consumers for each sample.
fn write(repository: &Path, samples: &[Sample]) {
    let mut text = String::new();
    for Sample { second, backlog, consumers } in samples {
        let backlog = backlog.map_or_else(|| "-".to_owned(), |backlog| backlog.to_string());
        let _ = writeln!(text, "{second} {backlog} {consumers}");
    }
    let file = repository.join(FILE);
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder for the samples");
    std::fs::write(file, text).expect("samples are written");
}
