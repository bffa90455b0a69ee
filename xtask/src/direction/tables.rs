//! The rooms of each crate, from top to bottom. Every room of a crate is in its table, except those that exist in tests
//! alone.

pub(super) struct Table {
    /// The crate's folder.
    pub(super) folder: &'static str,
    pub(super) rooms: &'static [&'static str],
}

pub(super) const TABLES: &[Table] = &[
    Table {
        folder: "bench",
        rooms: &[
            "bin",
            "main",
            "run",
            "aims",
            "table",
            "original",
            "scale",
            "login_path",
            "mail_path",
            "branded",
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
        folder: "crates/external-metrics",
        rooms: &[
            "lib",
            "server",
            "registration",
            "trust",
            "certificate",
            "access",
            "answer",
            "refusal",
            "provider",
            "group",
            "settings",
        ],
    },
    Table {
        folder: "crates/mail-templates",
        rooms: &[
            "lib",
            "preview",
            "templates",
            "checks",
            "layout",
            "words",
            "finding",
            "language",
            "brand",
            "characters",
        ],
    },
    Table {
        folder: "crates/ping-contract",
        rooms: &[
            "lib",
            "topology_plan",
            "topology",
            "users",
            "queues",
            "broker_version",
            "redis_users",
            "keys",
            "event",
            "mail_text",
            "locale",
            "sender",
            "hello_name",
            "synthetic",
            "address",
            "typed_characters",
            "origin",
            "redis_trouble",
            "test_mail",
            "tls_trouble",
            "login_trouble",
            "wire",
        ],
    },
    Table {
        folder: "crates/pingstack-crd",
        rooms: &[
            "versions",
            "samples",
            "lib",
            "services",
            "rabbitmq",
            "redis",
            "smtp",
            "mail",
            "login",
            "tokens",
            "synthetic_login",
            "pod_template",
            "references",
            "status",
        ],
    },
    Table {
        folder: "operator",
        rooms: &[
            "main",
            "lib",
            "config",
            "controller",
            "autoscaling",
            "events",
            "pod_reports",
            "synthetic_login",
            "broker_connections",
            "watches",
            "metrics",
            "condition_metrics",
            "conditions",
            "requeue",
            "leader",
            "platform",
            "secret_values",
            "names",
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
            "mail_sealing",
            "audit",
            "accounts",
            "metrics",
            "rate_limits",
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
    Table {
        folder: "crates/redis-client",
        rooms: &["lib", "supervisor", "connection", "args", "dial", "error"],
    },
    Table {
        folder: "crates/sealed-mail",
        rooms: &["lib", "opener", "sealer", "event", "contents", "keys", "suite"],
    },
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
            "open_files",
            "dial_failure",
            "tls",
            "timestamp",
            "config",
        ],
    },
    Table {
        folder: "crates/traces",
        rooms: &["lib", "exporter", "collector", "client", "args", "trace_parent"],
    },
    Table {
        folder: "crates/test-kit",
        rooms: &[
            "documents",
            "environment",
            "vhost",
            "smtp",
            "mailpit",
            "proxy",
            "fake_api",
            "servers",
            "certificates",
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
        folder: "kubectl-ping",
        rooms: &[
            "main",
            "status",
            "login",
            "synthetic_login",
            "test",
            "operator",
            "load",
            "mails",
            "bundle",
            "change",
            "logs",
            "sign_in",
            "mailpit",
            "stack",
            "peek",
            "kubectl",
            "arguments",
            "condition_words",
            "time",
            "port_forward",
            "http",
            "claims",
        ],
    },
    Table {
        folder: "services/mail-service",
        rooms: &[
            "main",
            "test_mail",
            "templates",
            "lib",
            "config",
            "delivery",
            "words",
            "event",
            "queue",
            "smtp",
            "message",
            "open_keys",
        ],
    },
    Table {
        folder: "crates/sign-in-check",
        rooms: &["lib", "attempt", "user_service", "sink", "session", "token", "code", "failure"],
    },
    Table { folder: "system-tests", rooms: &["lib", "load", "platform", "client"] },
    Table {
        folder: "tests/cluster",
        rooms: &[
            "lib",
            "neighbours",
            "stack",
            "case",
            "pingstack",
            "cluster",
            "crd_version",
            "settings",
            "wait",
            "deadline",
            "autoscaling_picture",
        ],
    },
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
            "suites",
            "demo",
            "tilt",
            "release",
            "advisories",
            "charts",
            "direction",
            "docker_context",
            "gitops",
            "images",
            "workflows",
            "docs",
            "monitoring",
            "scripts",
            "kubernetes",
            "cargo",
            "repository",
            "program",
            "environment",
        ],
    },
];

/// Members of the workspace that have no table, and tables whose crate is gone.
pub(super) fn out_of_date(members: &[&str]) -> Vec<String> {
    let known = || TABLES.iter().map(|table| table.folder);
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
    use super::{TABLES, out_of_date};

    #[test]
    fn a_crate_without_a_table_and_a_table_without_a_crate_are_found() {
        let mut members: Vec<&str> = TABLES.iter().map(|table| table.folder).collect();
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
