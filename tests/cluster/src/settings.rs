//! What `tests/cluster/run` passes on about the cluster and the run.

use std::{env, path::PathBuf, time::Duration};

use crate::cluster::Way;

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
}
