//! The operator with few and with many stacks on external servers: how long until all are ready, reconcile time, CPU and
//! memory at rest, requests to the Kubernetes API. `make bench-operator` prints the table.

#![expect(
    clippy::expect_used,
    clippy::large_futures,
    reason = "a step that fails panics with what to do, and the case runs once"
)]

mod figures;

use std::time::{Duration, Instant};

use cluster::{
    Case, ExternalServers, settings,
    wait::{eventually, seen},
};
use serde_json::{Value, json};

use figures::{Figures, memory_of_the_leader};

const HEAD: &str = "\
| stacks | until the new ones are ready | one reconcile, mean | CPU at rest | memory at rest | API requests per stack and minute |
|---|---|---|---|---|---|
";
/// What still settles after the last stack is ready is not rest.
const SETTLES: Duration = Duration::from_mins(1);
const ALL_READY: Duration = Duration::from_mins(30);
const GONE: Duration = Duration::from_mins(10);

#[tokio::test]
async fn the_operator_with_few_and_many_stacks() {
    Case::alone(async |case: &Case| {
        let servers = case.start_external_servers().await;
        let mut table = HEAD.to_owned();
        let mut there = 0;
        for count in settings::counts() {
            table += &row(case, &servers, there, count).await;
            there = count;
        }
        let path = case.cluster.repository.join(".build/cluster-cases/bench-operator.md");
        std::fs::write(path, &table).expect("the table is written");
        case.step(&format!("\n{table}"));
        case.delete_namespace(&case.namespace, GONE).await;
    })
    .await;
}

/// A row of the table: `count` stacks in all, of which `there` exist already.
async fn row(case: &Case, servers: &ExternalServers<'_>, there: usize, count: usize) -> String {
    let before = Figures::of(case).await;
    let began = Instant::now();
    for number in there + 1..=count {
        let name = format!("many-{number}");
        case.stack(&name).apply(spec(servers, &name)).await;
    }
    eventually(format!("{count} stacks to be ready"), ALL_READY, async || {
        let ready = ready(case).await?;
        seen(ready == count, || format!("{ready} are"))
    })
    .await;
    let ready = began.elapsed();
    case.outage(SETTLES).await;
    let rest = Figures::of(case).await;
    case.outage(settings::rest()).await;
    let after = Figures::of(case).await;
    let memory = memory_of_the_leader(case).await / 1_048_576.0;
    format!(
        "| {count} | {} s | {:.0} ms | {:.2} % of a core | {memory:.0} MiB | {:.2} |\n",
        ready.as_secs(),
        1000.0 * rest.mean_reconcile_since(&before),
        100.0 * after.cores_since(&rest),
        60.0 * after.requests_per_second_since(&rest)
            / f64::from(u32::try_from(count).expect("a small number")),
    )
}

/// One pod of each service, in a vhost of its own.
fn spec(servers: &ExternalServers<'_>, name: &str) -> Value {
    let mut spec = servers.spec(name);
    spec["userService"] = json!({ "replicas": 1 });
    spec["mailService"] = json!({ "autoscaling": { "provider": "None" } });
    spec
}

async fn ready(case: &Case) -> Result<usize, String> {
    let query = "jsonpath={range .items[*]}{.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}";
    let printed = case.try_kubectl(&["get", "pingstacks", "--output", query]).await?;
    Ok(printed.lines().filter(|line| *line == "True").count())
}
