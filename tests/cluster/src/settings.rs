//! What `tests/cluster/run` passes on about the cluster and the run.

use std::{env, path::PathBuf, time::Duration};

/// How `k8s/cluster` found the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The node of `k8s/local` on this machine: its processes and network can be broken.
    Local,
    /// kind in Docker.
    Kind,
    /// The caller's own context.
    Current,
}

impl Way {
    /// The way of this name, or the name that is none.
    pub fn parse(name: &str) -> Result<Self, String> {
        match name {
            "local" => Ok(Self::Local),
            "kind" => Ok(Self::Kind),
            "current" => Ok(Self::Current),
            other => Err(other.to_owned()),
        }
    }
}

/// How long `a_day_of_restarts_loses_nothing` signs in unless DURATION says otherwise.
const DAY: Duration = Duration::from_mins(3);

/// Which way leads to the cluster.
pub(crate) fn way() -> Way {
    Way::parse(&required("PING_CLUSTER_WAY"))
        .unwrap_or_else(|name| panic!("unknown way to a cluster: {name}"))
}

/// The kubectl and the helm that fit the cluster.
pub(crate) fn program(name: &str) -> String {
    required(&name.to_ascii_uppercase())
}

/// Values of the operator's chart for all cases, such as another image.
pub(crate) fn operator_values() -> Vec<String> {
    let values = env::var("OPERATOR_VALUES").unwrap_or_default();
    values.split_whitespace().map(str::to_owned).collect()
}

/// Where the cluster finds the images.
pub(crate) fn registry() -> String {
    let pushed_to = env::var("REGISTRY").ok().filter(|registry| !registry.is_empty());
    pushed_to.unwrap_or_else(|| "localhost/ping".to_owned())
}

/// Namespaces of failed cases stay.
pub(crate) fn keeps_failed() -> bool {
    env::var_os("KEEP").is_some_and(|value| !value.is_empty())
}

/// How long the day of restarts lasts.
#[must_use]
pub fn day() -> Duration {
    let minutes = env::var("DURATION").ok();
    minutes.map_or(DAY, |text| minutes_in(&text).unwrap_or_else(|why| panic!("DURATION is '{text}': {why}")))
}

/// How many stacks `make bench-operator` measures, one row after the other: `COUNTS`, such as `1 10`.
#[must_use]
pub fn counts() -> Vec<usize> {
    let text = env::var("COUNTS").ok().filter(|text| !text.trim().is_empty());
    let text = text.unwrap_or_else(|| "1 10 100".to_owned());
    let counts: Result<Vec<usize>, _> = text.split_whitespace().map(str::parse).collect();
    counts.unwrap_or_else(|error| panic!("COUNTS is '{text}', write numbers that grow: {error}"))
}

/// How long each row of `make bench-operator` rests: `REST_SECONDS`.
#[must_use]
pub fn rest() -> Duration {
    let seconds = env::var("REST_SECONDS").ok().map_or(Ok(120), |text| text.trim().parse());
    Duration::from_secs(seconds.unwrap_or_else(|error| panic!("REST_SECONDS is not a number: {error}")))
}

/// The folder of the repository.
pub(crate) fn repository() -> PathBuf {
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own).to_path_buf()
}

fn minutes_in(text: &str) -> Result<Duration, String> {
    let minutes = text.trim().parse().map_err(|_| "write whole minutes, such as 15".to_owned())?;
    if (1..=24 * 60).contains(&minutes) {
        Ok(Duration::from_mins(minutes))
    } else {
        Err("use 1 to 1440 minutes".to_owned())
    }
}

fn required(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the cases with tests/cluster/run"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_whole_minutes_up_to_a_day() {
        assert_eq!(minutes_in(" 15 "), Ok(Duration::from_mins(15)));
        for text in ["", "0", "1441", "3m", "-1", "1.5"] {
            assert!(minutes_in(text).is_err(), "{text} was taken");
        }
    }

    #[test]
    fn the_ways_are_those_of_the_scripts() {
        assert_eq!(Way::parse("local"), Ok(Way::Local));
        assert_eq!(Way::parse("none"), Err("none".to_owned()));
    }
}
