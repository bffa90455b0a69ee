//! An older operator, installed from its own chart with its own images, upgraded under its stacks.

use cluster::{Case, deadline};
use k8s_openapi::api::core::v1::Pod;

use crate::redis_restarts::{REDIS, assert_kept, promises, start};

/// `tests/cluster/older` says where the older chart is.
#[tokio::test]
#[ignore = "make e2e-full runs it; it compiles an older release"]
async fn an_operator_of_the_last_release_is_upgraded_and_its_sessions_survive_the_restarts() {
    Case::alone(async |case: &Case| {
        case.operator().install_older().await;
        let demo = start(case).await;
        let before = promises(&demo).await;
        let pod = case.uid::<Pod>(REDIS).await;
        case.operator().install(&[]).await;
        case.wait_new::<Pod>(REDIS, pod.as_deref(), deadline::SERVER).await;
        case.wait_pod_ready(REDIS, deadline::SERVER).await;
        demo.wait_ready().await;
        assert_kept(case, &demo, before).await;
        let later = demo.user("later@example.org").sign_in().await;
        case.replace_pod(REDIS).await;
        demo.wait_sign_in("afterwards-again@example.org").await;
        let answer = demo.user("later@example.org").refresh(&mut later.clone()).await;
        assert_eq!(answer.status, 200, "the session was lost: {answer:?}");
    })
    .await;
}
