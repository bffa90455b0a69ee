//! The kubectl plugin on a stack that works, and on one with a mail that could not be delivered.

use std::path::PathBuf;

use cluster::{
    Case, deadline,
    management::Request,
    wait::{eventually, seen},
};
use serde_json::json;

const ADA: &str = "ada@example.org";

#[tokio::test]
#[ignore = "make e2e-full runs it; in CI the program would be compiled beside other cases"]
async fn the_plugin_shows_signs_in_pauses_and_collects_without_secrets() {
    Case::run(async |case: &Case| {
        let plugin = Plugin::build(case).await;
        let demo = case.ready_stack(json!({ "monitoring": { "syntheticLogin": { "every": "24h" } } })).await;
        demo.user(ADA).sign_in().await;
        let status = plugin.run(&["status"]).await;
        assert!(status.starts_with(&format!("demo in {}: users can sign in\n", case.namespace)), "{status}");
        assert!(status.contains("no mail waits, ") && status.contains("user-service "), "{status}");
        let login = plugin.run(&["login", "--stack", "demo"]).await;
        assert!(login.starts_with("the operator signed in: the code came by mail after "), "{login}");
        assert!(plugin.run(&["status"]).await.contains("test login   worked "), "no test login in the status");
        let log = plugin.run(&["logs", "demo", "--part", "user-service"]).await;
        assert!(!log.is_empty(), "no log");
        plugin.run(&["pause"]).await;
        demo.wait_condition("Paused", "True", deadline::OPERATOR).await;
        plugin.run(&["resume"]).await;
        demo.wait_no_condition("Paused", deadline::OPERATOR).await;
        assert_eq!(plugin.run(&["mails"]).await.trim(), "no mail is parked");
        // What is no event is parked; the note says why and holds nothing of it.
        let message = json!({
            "properties": {}, "routing_key": "send-otp", "payload": "no event 482931", "payload_encoding": "string",
        });
        demo.manage(Request::post("exchanges/ping/ping.mail/publish", &message.to_string())).await;
        eventually("the parked mail", deadline::MAIL, async || {
            let mails = plugin.try_run(&["mails"]).await?;
            seen(mails.contains("it is not a mail event") && !mails.contains("482931"), || mails.clone())
        })
        .await;
        assert!(plugin.run(&["status"]).await.contains("parked       1 could not be delivered"), "not in the status");
        bundle_holds_no_secret(case, &plugin).await;
    })
    .await;
}

async fn bundle_holds_no_secret(case: &Case, plugin: &Plugin<'_>) {
    let folder = case.cluster.repository.join(".build/cluster-cases");
    let archive = folder.join(format!("{}.tar.gz", case.namespace)).display().to_string();
    plugin.run(&["support-bundle", "demo", "--output", &archive]).await;
    let text = case.program("tar", &["-xzOf", &archive]).await;
    assert!(text.contains("demo-user-service"), "nothing of the stack is in the bundle");
    let secrets = case.kubectl(&["get", "secrets", "--output", "json"]).await;
    let secrets: serde_json::Value = serde_json::from_str(&secrets).expect("secrets");
    for secret in secrets["items"].as_array().expect("a list") {
        for (key, value) in secret["data"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            assert!(!text.contains(value), "{}/{key} is in the bundle", secret["metadata"]["name"]);
        }
    }
    assert!(!text.contains(ADA) && !text.contains("no-reply@example.org"), "an address is in the bundle");
    let removed = std::fs::remove_file(&archive);
    removed.unwrap_or_else(|error| panic!("{archive}: {error}"));
}

/// The program as the tests have it, with the case's namespace.
struct Plugin<'a> {
    case: &'a Case,
    program: PathBuf,
}

impl<'a> Plugin<'a> {
    async fn build(case: &'a Case) -> Self {
        let manifest = case.cluster.repository.join("Cargo.toml").display().to_string();
        let build =
            ["build", "--quiet", "--locked", "--workspace", "--bin", "kubectl-ping", "--manifest-path"];
        case.program("cargo", &[&build[..], &[manifest.as_str()]].concat()).await;
        // This test is in the folder `deps` beside it.
        let own = std::env::current_exe().expect("the path of this test");
        let folder = own.ancestors().nth(2).expect("the folder of the programs");
        Self { case, program: folder.join("kubectl-ping") }
    }

    async fn run(&self, arguments: &[&str]) -> String {
        self.try_run(arguments)
            .await
            .unwrap_or_else(|error| panic!("kubectl ping {}: {error}", arguments.join(" ")))
    }

    async fn try_run(&self, arguments: &[&str]) -> Result<String, String> {
        let program = self.program.display().to_string();
        let arguments = [arguments, &["--namespace", self.case.namespace.as_str()]].concat();
        self.case.try_program(&program, &arguments).await
    }
}
