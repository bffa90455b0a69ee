//! The rooms of each crate, from top to bottom. Every room of a crate is in its table, except those that exist in tests
//! alone.

pub(super) struct Table {
    /// The crate's folder.
    pub(super) folder: &'static str,
    pub(super) rooms: &'static [&'static str],
}

/// Crates that have circles yet, and no table.
pub(super) const NOT_YET: &[&str] = &["operator", "tests/cluster"];

pub(super) const TABLES: &[Table] = &[
    Table {
        folder: "bench",
        rooms: &[
            "bin",
            "main",
            "run",
            "aims",
            "table",
            "scale",
            "login_path",
            "mail_path",
            "rig",
            "bare_login",
            "bare_smtp",
            "child",
            "sink",
            "backlog",
            "servers",
            "service",
            "load",
            "requests",
            "round",
            "meter",
            "process",
            "statistics",
            "instructions",
            "config",
        ],
    },
    Table {
        folder: "crates/amqp",
        rooms: &["lib", "args", "consumer", "publisher", "connection", "message", "config", "cause"],
    },
    Table {
        folder: "crates/ping-contract",
        rooms: &[
            "lib",
            "plan",
            "topology",
            "users",
            "queues",
            "broker_version",
            "redis_users",
            "keys",
            "event",
            "address",
            "redis_trouble",
            "test_mail",
            "wire",
        ],
    },
    Table {
        folder: "services/user-service",
        rooms: &[
            "main",
            "lib",
            "endpoints",
            "config",
            "http",
            "sessions",
            "tokens",
            "codes",
            "peppers",
            "publisher",
            "accounts",
            "metrics",
            "rate_limits",
            "redis",
            "random",
        ],
    },
    Table {
        folder: "crates/rabbitmq-management",
        rooms: &[
            "main",
            "lib",
            "config",
            "read",
            "write",
            "nodes",
            "queue_depth",
            "queues",
            "fields",
            "management",
            "reach",
        ],
    },
    Table { folder: "crates/redis-client", rooms: &["lib"] },
    Table {
        folder: "crates/service-kit",
        rooms: &[
            "lib",
            "management",
            "http",
            "health",
            "backoff",
            "shutdown",
            "metrics",
            "telemetry",
            "tls",
            "open_files",
            "dial_failure",
            "timestamp",
            "config",
        ],
    },
    Table {
        folder: "crates/test-kit",
        rooms: &[
            "documents",
            "vhost",
            "smtp",
            "mailpit",
            "proxy",
            "servers",
            "management",
            "broker",
            "process",
            "readyz",
            "listener",
            "port",
            "ids",
            "wait",
            "lib",
        ],
    },
    Table {
        folder: "services/mail-service",
        rooms: &["main", "test_mail", "lib", "config", "delivery", "queue", "smtp", "message"],
    },
    Table { folder: "system-tests", rooms: &["lib", "load", "platform", "client"] },
    Table {
        folder: "tests/client",
        rooms: &[
            "main", "lib", "control", "load", "sign_in", "session", "context", "findings", "inbox", "ledger",
            "plan", "call",
        ],
    },
    Table {
        folder: "xtask",
        rooms: &[
            "main",
            "charts",
            "direction",
            "docker_context",
            "docs",
            "monitoring",
            "scripts",
            "repository",
            "program",
        ],
    },
];

/// Members of the workspace that have no table, and tables whose crate is gone.
pub(super) fn out_of_date(members: &[&str]) -> Vec<String> {
    let known = || TABLES.iter().map(|table| table.folder).chain(NOT_YET.iter().copied());
    let missing = members.iter().filter(|member| known().all(|folder| folder != **member));
    let gone = known().filter(|folder| !members.contains(folder));
    let missing = missing.map(|member| {
        format!("{member} has no table of its rooms: write one in xtask/src/direction/tables.rs")
    });
    let gone = gone.map(|folder| {
        format!("{folder} is in xtask/src/direction/tables.rs, and is no member of the workspace")
    });
    missing.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::{NOT_YET, TABLES, out_of_date};

    #[test]
    fn a_crate_without_a_table_and_a_table_without_a_crate_are_found() {
        let mut members: Vec<&str> =
            TABLES.iter().map(|table| table.folder).chain(NOT_YET.iter().copied()).collect();
        assert!(out_of_date(&members).is_empty());
        members[0] = "crates/new";
        let found = out_of_date(&members);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].starts_with("crates/new has no table") && found[1].starts_with(TABLES[0].folder),
            "{found:?}"
        );
    }
}
