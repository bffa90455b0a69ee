//! What every binary needs and no domain word: telemetry, shutdown, health, backoff, HTTP serving.
