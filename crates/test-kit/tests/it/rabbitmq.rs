use serde_json::json;
use test_kit::management::TestManagement;
use test_kit::servers::{RabbitServer, SmallDisk, shared_broker};
use test_kit::vhost::Vhost;
use test_kit::wait::wait_until;
use tokio::time::timeout;

use crate::{LONG, SHORT};

#[tokio::test]
async fn a_vhost_makes_quorum_queues_and_is_gone_when_dropped() {
    let vhost = Vhost::create().await;
    let queue = vhost.path("queues", "mail");
    let own = vhost.path("vhosts", "");
    vhost.management().put(&queue, &json!({"durable": true})).await;
    let made = vhost.management().wait_for("the queue", &queue, |queue| queue["type"].is_string()).await;
    assert_eq!(made["type"], "quorum");
    drop(vhost);
    assert_eq!(TestManagement::new(&shared_broker()).get(&own).await, None);
}

#[tokio::test]
async fn a_killed_broker_comes_back_with_its_queues() {
    let mut rabbit = RabbitServer::start().await;
    let queue = "/api/queues/%2f/mail";
    rabbit.management().put(queue, &json!({"durable": true})).await;
    rabbit.kill9().await;
    assert_eq!(rabbit.management().get(queue).await, None);
    rabbit.restart().await;
    rabbit
        .management()
        .wait_for("the queue to be led again", queue, |queue| queue["state"] == "running")
        .await;

    rabbit.process.pause();
    let answers = || async { timeout(SHORT, rabbit.management().get("/api/overview")).await.is_ok() };
    wait_until("the pause", LONG, || async { !answers().await }).await;
    rabbit.process.resume();
    wait_until("the resumption", LONG, answers).await;
}

#[tokio::test]
async fn a_full_disk_raises_the_alarm_and_space_ends_it() {
    let disk = SmallDisk::mount(64 * 1024 * 1024);
    let rabbit = RabbitServer::start_with(&["disk_free_limit.absolute = 4MB"], Some(disk)).await;
    let alarm = |wanted: bool| {
        let management = rabbit.management();
        async move {
            let nodes = |nodes: &serde_json::Value| nodes[0]["disk_free_alarm"] == wanted;
            management.wait_for(&format!("the disk alarm to be {wanted}"), "/api/nodes", nodes).await;
        }
    };
    alarm(false).await;
    let disk = rabbit.process.disk().unwrap();
    disk.fill();
    alarm(true).await;
    disk.free();
    alarm(false).await;
}
