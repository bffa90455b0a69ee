//! The audit log as the program writes it: on standard output, whatever is logged.

use std::time::Duration;

use serde_json::Value;
use test_kit::{
    port::free_port,
    process::{ServiceCommand, ServiceProcess, Stream},
    servers::fresh_database,
    vhost::Vhost,
    wait::wait_until,
};

use crate::support::{DEADLINE, add_key, apply_topology, key_folder};

struct Program {
    process: ServiceProcess,
    folder: tempfile::TempDir,
    port: u16,
    _vhost: Vhost,
}

impl Program {
    async fn start(audit_log: &str) -> Self {
        let (vhost, folder) = (Vhost::create().await, key_folder());
        apply_topology(&vhost).await;
        let (port, management_port) = (free_port(), free_port());
        let command = ServiceCommand::new("user-service", management_port)
            .env("BIND_ADDRESS", "127.0.0.1")
            .env("PORT", port.to_string())
            .env("MANAGEMENT_PORT", management_port.to_string())
            .env("REDIS_URL", fresh_database().await)
            .env("RABBITMQ_URL", vhost.amqp_url())
            .env("TOKEN_SIGNING_KEYS_DIR", folder.path().display().to_string())
            .env("USER_ID_SECRET", "a secret for tests of 32 octets..")
            .env("LOG_FILTER", "off")
            .env("AUDIT_LOG", audit_log);
        Self { process: command.start().await, folder, port, _vhost: vhost }
    }

    /// A wrong code.
    async fn try_a_code(&self) {
        let body = r#"{"email":"ada@example.org","otp":"482931"}"#;
        let request =
            test_kit::http_client().post(format!("http://127.0.0.1:{}/api/v1/verify-otp", self.port));
        let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
        assert_eq!(answer.status(), 400);
    }

    fn events(&self) -> Vec<Value> {
        let lines = self.process.output().lines().into_iter();
        let output = lines.filter(|line| line.stream == Stream::Output);
        output.map(|line| serde_json::from_str(&line.text).unwrap()).collect()
    }
}

#[tokio::test]
async fn events_and_key_rotations_are_on_standard_output_even_if_nothing_is_logged() {
    service_kit::tls::install_provider();
    let mut program = Program::start("true").await;
    program.try_a_code().await;
    wait_until("the wrong code", DEADLINE, || async { program.events().len() == 1 }).await;
    assert_eq!(program.events()[0]["event"], "wrong_code");
    add_key(program.folder.path(), "b.pem", 2);
    wait_until("the rotation", DEADLINE, || async { program.events().len() == 2 }).await;
    let rotation = program.events().pop().unwrap();
    assert_eq!((&rotation["event"], &rotation["request_id"]), (&"key_rotation".into(), &Value::Null));
    assert!(rotation["detail"].as_str().unwrap().starts_with("signing-key "), "{rotation}");
    // What is recorded just before the end is written, too.
    program.try_a_code().await;
    program.process.terminate(Duration::from_secs(30)).await;
    wait_until("the last line", DEADLINE, || async { program.events().len() == 3 }).await;
    let errors = program.process.output().lines().into_iter().filter(|line| line.stream == Stream::Error);
    assert_eq!(errors.count(), 0);
}

#[tokio::test]
async fn an_audit_log_that_is_off_writes_nothing() {
    service_kit::tls::install_provider();
    let mut program = Program::start("false").await;
    program.try_a_code().await;
    program.process.terminate(Duration::from_secs(30)).await;
    assert_eq!(program.events(), Vec::<Value>::new());
}
