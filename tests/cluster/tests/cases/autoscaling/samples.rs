//! One run second by second, for the figures and the picture in `docs/measurements.md`.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use cluster::{
    Case, Stack,
    autoscaling_picture::{self, Sample},
};

const PICTURE: &str = ".build/cluster-cases/autoscaling.svg";
/// A backlog that calls for all consumers.
const DEEP: u32 = 700;

/// Backlog and consumers over time.
#[derive(Debug, Default)]
pub(super) struct Samples(RefCell<Vec<Sample>>);

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
                samples.0.borrow_mut().push(Sample {
                    second: whole(began.elapsed().as_secs()),
                    backlog: backlog.map(whole),
                    consumers: whole(consumers),
                });
            }
        }
    };
    tokio::select! {
        () = body => {}
        () = sampling => {}
    }
}

impl Samples {
    /// Prints the figures of the run, and draws its picture.
    pub(super) fn report(&self, case: &Case, most_consumers: i32) {
        let samples = self.0.borrow();
        let first = |holds: &dyn Fn(&Sample) -> bool| {
            samples.iter().find(|sample| holds(sample)).map(|sample| sample.second)
        };
        let waiting = |sample: &Sample| sample.backlog.is_some_and(|backlog| backlog > 0);
        let deep = first(&|sample| sample.backlog.is_some_and(|backlog| backlog > DEEP));
        let many = first(&|sample| sample.consumers == whole(most_consumers));
        let began = first(&waiting);
        let empty = samples.iter().rev().find(|sample| waiting(sample)).map(|sample| sample.second);
        let most = samples.iter().filter_map(|sample| sample.backlog).max();
        let seconds = |from: Option<u32>, to: Option<u32>| Some(to?.saturating_sub(from?));
        case.step(&format!(
            "most mails queued: {most:?}; {most_consumers} consumers {:?} s after the depth called for them; \
             the queue was empty {:?} s after the first mail",
            seconds(deep, many),
            seconds(began, empty),
        ));
        let file = case.cluster.repository.join(PICTURE);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder for the picture");
        std::fs::write(file, autoscaling_picture::draw(&samples)).expect("the picture is written");
    }
}

/// Seconds, mails and consumers that a picture can have.
fn whole(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}
