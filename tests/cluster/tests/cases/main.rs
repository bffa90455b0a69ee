//! The cluster cases, one file for each kind of fault. `tests/cluster/run` runs them; the head of the crate `cluster` shows
//! how one is written.

mod alone;
mod faults;
mod status;
