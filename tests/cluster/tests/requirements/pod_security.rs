//! What the Pod Security Standard `restricted` admits.

use cluster::{Case, deadline};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use crate::pod::{TestPod, shell};

#[tokio::test]
async fn restricted_pods_are_admitted() {
    Case::without_operator(async |case: &Case| {
        TestPod::client(case, "plain").start().await;
        assert_eq!(shell(case, "plain", "id -u").await.expect("a user").trim(), "999");
    })
    .await;
}

#[tokio::test]
async fn privileged_pods_are_refused() {
    Case::without_operator(async |case: &Case| {
        let image = case.image("redis");
        let run = case.try_kubectl(&["run", "privileged", "--image", &image, "--privileged"]).await;
        let refusal = run.expect_err("a privileged pod was admitted");
        assert!(refusal.contains("violates PodSecurity \"restricted"), "{refusal}");
    })
    .await;
}

#[tokio::test]
async fn our_programs_start_as_restricted_pods() {
    Case::without_operator(async |case: &Case| {
        let list = case.cluster.repository.join("k8s/images/list");
        let list = std::fs::read_to_string(list).expect("the list of images");
        for program in programs(&list) {
            case.step(&format!("{program} --help"));
            let pod = format!("help-of-{program}");
            TestPod::new(case, &pod, program).with("args", json!(["--help"])).create().await;
            case.wait_object::<Pod>(&pod, deadline::MAIL, |pod| {
                let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
                cluster::wait::seen(phase == Some("Succeeded"), || format!("{phase:?}"))
            })
            .await;
        }
    })
    .await;
}

#[tokio::test]
async fn images_run_run_as_any_user_of_the_group_0() {
    Case::without_operator(async |case: &Case| {
        let list = case.cluster.repository.join("k8s/images/list");
        let list = std::fs::read_to_string(list).expect("the list of images");
        for program in programs(&list) {
            case.step(&format!("{program} --help"));
            let pod = format!("any-user-of-{program}");
            TestPod::new(case, &pod, program)
                .run_as_any_user()
                .with("args", json!(["--help"]))
                .create()
                .await;
            case.wait_object::<Pod>(&pod, deadline::MAIL, |pod| {
                let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
                cluster::wait::seen(phase == Some("Succeeded"), || format!("{phase:?}"))
            })
            .await;
        }
        let command = json!(["redis-server", "--protected-mode", "no", "--dir", "/data"]);
        TestPod::new(case, "redis", "redis").run_as_any_user().with("command", command).serve(6379).await;
        let saved = case.exec("redis", &["redis-cli", "save"]).await;
        assert_eq!(saved.trim(), "OK", "/data cannot be written");
        let command = json!(["rabbitmq-server"]);
        TestPod::new(case, "rabbitmq", "rabbitmq")
            .run_as_any_user()
            .with("command", command)
            .serve(5672)
            .await;
        TestPod::new(case, "mailpit", "mailpit").run_as_any_user().serve(8025).await;
    })
    .await;
}

fn programs(list: &str) -> Vec<&str> {
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    let fields = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    let programs: Vec<&str> =
        fields.filter(|fields| fields.get(2) == Some(&"program")).map(|fields| fields[0]).collect();
    assert!(programs.contains(&"user-service"), "{programs:?}");
    programs
}
