//! A Redis in another region: everything takes longer, and nothing is given up.

use std::time::Duration;

use test_kit::{
    proxy::{Mode, Proxy},
    servers::fresh_database,
};

use crate::rig::{SOON, id, setup};

#[tokio::test]
async fn a_redis_that_is_75_ms_away_in_each_direction_is_used_and_no_mail_is_doubled_or_paused() {
    let url = fresh_database().await;
    let (address, database) = url.trim_start_matches("redis://").split_once('/').unwrap();
    let proxy = Proxy::start(address.parse().unwrap()).await;
    proxy.set_mode(Mode::Late(Duration::from_millis(75))).await;
    let rig = setup().await.redis_url(format!("redis://{}/{database}", proxy.address())).start().await;
    rig.wait_for_reason("redis", "").await;
    for seed in 0..20 {
        rig.publish(&id(seed), &format!("p{seed}@example.org")).await;
    }
    for seed in 0..20 {
        rig.relay.wait_for_message_to(&format!("p{seed}@example.org"), SOON).await;
    }
    let metrics = rig.metrics().await;
    assert!(metrics.contains(r#"ping_mail_paused{reason="redis_silent"} 0"#), "{metrics}");
    assert_eq!(rig.relay.delivered().len(), 20);
    assert_eq!(rig.wait_for_reason("redis", "").await.status, 200);
}
