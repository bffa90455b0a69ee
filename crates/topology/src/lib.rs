//! Applies the queue topology through the management API; ping-topology is its program.
