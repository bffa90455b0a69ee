//! What runs the tests and measurements for which `cargo test` is not enough: on a cluster, with faults, or as the images have
//! the programs.

mod bench;
mod cluster;
mod faults;

pub(crate) use bench::run as bench;
pub(crate) use cluster::run as cluster;
pub(crate) use faults::run as faults;
