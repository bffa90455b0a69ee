//! Servers that exist already, with TLS, shared with others.

use cluster::{Case, deadline, management::Request};
use k8s_openapi::api::apps::v1::StatefulSet;

#[tokio::test]
async fn external_servers_by_tls_serve_a_stack_and_are_left_to_others() {
    Case::run(async |case: &Case| {
        let servers = case.start_external_servers().await;
        // What belongs to others on the same broker: another vhost, a queue in it, a user.
        for (path, body) in [
            ("vhosts/others", "{}"),
            ("queues/others/theirs", r#"{"durable":true}"#),
            ("users/their-user", r#"{"password":"x","tags":""}"#),
        ] {
            servers.manage(Request::put(path, body)).await;
        }
        let [demo, rival] = ["demo", "rival"].map(|name| case.stack(name));
        demo.apply(servers.spec("mine")).await;
        demo.wait_ready().await;
        demo.user("ada@example.org").sign_in().await;
        let managed = demo.names::<StatefulSet>().await;
        assert!(managed.is_empty(), "a stack on external servers has {managed:?}");
        // Another stack may not take the vhost.
        rival.apply(servers.spec("mine")).await;
        rival.wait_reason("TopologyReady", "TopologyConflict", deadline::OPERATOR).await;
        for stack in [&demo, &rival] {
            stack.delete().await;
        }
        for stack in [&demo, &rival] {
            stack.wait_gone(deadline::NAMESPACE).await;
            stack.wait_no_children(deadline::OPERATOR).await;
        }
        // What is external stays, mail included, and the stack uses it again when it is applied again.
        for path in ["queues/others/theirs", "users/their-user", "queues/mine/send-otp"] {
            servers.manage(Request::get(path)).await;
        }
        demo.apply(servers.spec("mine")).await;
        demo.wait_ready().await;
        demo.user("bob@example.org").sign_in().await;
    })
    .await;
}
