//! `status`: a stack on one screen.

use anyhow::Result;
use serde_json::Value;

use crate::arguments::{Cluster, Target};
use crate::kubectl::selector;
use crate::peek::{Broker, MAIL_QUEUE, PARKING_QUEUE, number};
use crate::{condition_words, time};

pub(crate) async fn run(target: &Target) -> Result<()> {
    let cluster = &target.cluster;
    let stack = target.stack().await?;
    let object = cluster.json(&["get", "pingstack", &stack]).await?;
    let selector = selector(&stack);
    let workloads = ["get", "deployments,statefulsets", "--selector", &selector];
    // Whoever may only read PingStacks still sees the rest.
    let workloads = cluster.json(&workloads).await.unwrap_or_default();
    let mails = Mails::of(cluster, &object).await;
    print!("{}", screen(&object, &workloads, &mails, time::now()));
    Ok(())
}

/// What only the broker knows. Each is `None` where it could not be asked.
#[derive(Debug, Default)]
struct Mails {
    /// When the code of the oldest waiting mail expires, in Unix seconds.
    oldest_expires: Option<i64>,
    parked: Option<u64>,
}

impl Mails {
    async fn of(cluster: &Cluster, stack: &Value) -> Self {
        let name = stack["metadata"]["name"].as_str().unwrap_or_default();
        if !stack["spec"]["rabbitmq"]["external"].is_null() {
            return Self::default();
        }
        let broker = Broker { cluster, stack: name };
        let parked = broker.depth(PARKING_QUEUE).await.ok();
        let waits = stack["status"]["queue"]["messages"].as_i64().unwrap_or_default() > 0;
        let oldest = if waits { broker.peek(MAIL_QUEUE, 1).await.ok().flatten() } else { None };
        let expires = oldest.and_then(|message| number(message.get("header.x-ping-expires-at")));
        Self { oldest_expires: expires.map(|milliseconds| milliseconds / 1000), parked }
    }
}

fn screen(stack: &Value, workloads: &Value, mails: &Mails, now: i64) -> String {
    let mut lines = vec![headline(stack)];
    lines.extend(observed(stack));
    lines.push(String::new());
    lines.extend(conditions(stack, now));
    lines.push(String::new());
    lines.push(format!("queue        {}", queue(stack, mails, now)));
    lines.extend(
        mails.parked.filter(|parked| *parked > 0).map(|parked| {
            format!("parked       {parked} could not be delivered: kubectl ping mails says why")
        }),
    );
    lines.extend(sign_in(stack, now).map(|sign_in| format!("test login   {sign_in}")));
    lines.extend(versions(workloads));
    lines.join("\n") + "\n"
}

fn headline(stack: &Value) -> String {
    let name = stack["metadata"]["name"].as_str().unwrap_or_default();
    let namespace = stack["metadata"]["namespace"].as_str().unwrap_or_default();
    let ready = find(stack, "Ready");
    let words = ready.map(|one| condition_words::of("Ready", status(one)));
    let words = words.unwrap_or_else(|| "no operator has looked at it yet".to_owned());
    format!("{name} in {namespace}: {words}")
}

fn observed(stack: &Value) -> Option<String> {
    let generation = stack["metadata"]["generation"].as_i64()?;
    let observed = stack["status"]["observedGeneration"].as_i64().unwrap_or(-1);
    (observed != generation)
        .then(|| "  the newest change is not in what follows: the operator has not read it yet".to_owned())
}

fn find<'a>(stack: &'a Value, type_: &str) -> Option<&'a Value> {
    stack["status"]["conditions"].as_array()?.iter().find(|one| one["type"] == type_)
}

fn status(condition: &Value) -> &str {
    condition["status"].as_str().unwrap_or("Unknown")
}

fn conditions(stack: &Value, now: i64) -> Vec<String> {
    let conditions = stack["status"]["conditions"].as_array();
    conditions.into_iter().flatten().map(|condition| line(condition, now)).collect()
}

/// What is as it should be is one short line; the rest says since when, why, and what the operator advises.
fn line(condition: &Value, now: i64) -> String {
    let type_ = condition["type"].as_str().unwrap_or_default();
    let status = status(condition);
    let words = condition_words::of(type_, status);
    let mark = if condition_words::is_good(type_, status) {
        "ok"
    } else if status == "Unknown" {
        "??"
    } else {
        "!!"
    };
    let message = condition["message"].as_str().unwrap_or_default();
    if mark == "ok" {
        return format!("  {mark}  {words}");
    }
    let since = condition["lastTransitionTime"].as_str().and_then(time::seconds);
    let since = since.map(|since| format!(" for {}", time::span(now - since))).unwrap_or_default();
    let reason = condition["reason"].as_str().unwrap_or_default();
    format!("  {mark}  {words}{since} ({reason})\n        {message}")
}

fn queue(stack: &Value, mails: &Mails, now: i64) -> String {
    let queue = &stack["status"]["queue"];
    let (Some(messages), Some(consumers)) = (queue["messages"].as_i64(), queue["consumers"].as_i64()) else {
        return "not counted yet".to_owned();
    };
    let wait = match messages {
        0 => "no mail waits".to_owned(),
        1 => "1 mail waits".to_owned(),
        messages => format!("{messages} mails wait"),
    };
    let pods = if consumers == 1 { "1 consumer".to_owned() } else { format!("{consumers} consumers") };
    let life = stack["spec"]["login"]["codeTtlSeconds"].as_i64().unwrap_or(300);
    let oldest = mails.oldest_expires.filter(|_| messages > 0).map(|expires| {
        let left = expires - now;
        if left <= 0 {
            "; the oldest has expired".to_owned()
        } else {
            format!("; the oldest for {}, its code has {} left", time::span(life - left), time::span(left))
        }
    });
    format!("{wait}, {pods}{}", oldest.unwrap_or_default())
}

fn sign_in(stack: &Value, now: i64) -> Option<String> {
    let last = &stack["status"]["syntheticLogin"];
    let ago = last["time"].as_str().and_then(time::seconds).map(|at| time::span(now - at))?;
    Some(match (last["reason"].as_str()?, last["codeAfterMilliseconds"].as_f64()) {
        ("SignedIn", Some(took)) => format!("worked {ago} ago, the code came after {:.1} s", took / 1000.0),
        ("SignedIn", None) => format!("worked {ago} ago"),
        (reason, _) => format!("failed {ago} ago: {reason}"),
    })
}

/// Each workload with its image and the number of its pods.
fn versions(workloads: &Value) -> Vec<String> {
    let items = workloads["items"].as_array();
    let line = |workload: &Value| {
        let part = workload["metadata"]["labels"]["pingstack.dev/part"].as_str()?;
        let containers = workload["spec"]["template"]["spec"]["containers"].as_array()?;
        let own = containers.iter().find(|one| one["name"] == part).or_else(|| containers.first())?;
        let image = own["image"].as_str()?;
        let ready = workload["status"]["readyReplicas"].as_i64().unwrap_or(0);
        let wanted = workload["spec"]["replicas"].as_i64().unwrap_or(1);
        Some(format!("{part:<12} {image}, {ready} of {wanted} pods"))
    };
    items.into_iter().flatten().filter_map(line).collect()
}

#[cfg(test)]
mod tests;
