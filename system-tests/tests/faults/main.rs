//! Faults that only minutes and killed servers show. `make test-faults` runs them.
