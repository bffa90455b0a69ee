//! Entry point: parse, telemetry, run, exit code.

fn main() {}
