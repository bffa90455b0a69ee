//! `docs/migrate.md`, walked: its commands in their order, on what the original services have stored with mongoose, amqplib
//! and redis from npm.

use std::{
    collections::VecDeque,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;
use test_kit::{
    port::free_port,
    servers::{OriginalDatabaseLock, RabbitServer, RedisServer, shared_mongo_uri},
    smtp::SmtpServer,
    wait::wait_until,
};
use tokio::process::{Child, Command};

const ADA: &str = "Ada@Example.org";
const EVE: &str = "eve@example.org";
/// As brokers have it that nobody set up for Ping.
const CLASSIC: [&str; 1] = ["default_queue_type = classic"];
const DEADLINE: Duration = Duration::from_mins(1);

fn repository() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The commands of the guide that are left to run.
struct Guide {
    commands: VecDeque<String>,
    environment: Vec<(String, String)>,
    // Programs by the names that the guide uses.
    programs: TempDir,
}

impl Guide {
    fn open(environment: Vec<(String, String)>) -> Self {
        let text = std::fs::read_to_string(repository().join("docs/migrate.md")).expect("no guide");
        let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
        // Ports that are free here.
        let ports = ["5010", "5011", "5012"].map(|port| (port, free_port().to_string()));
        let commands = blocks
            .map(|block| ports.iter().fold(block.to_owned(), |text, (port, free)| text.replace(port, free)))
            .collect();
        Self { commands, environment, programs: tempfile::tempdir().expect("no folder for programs") }
    }

    /// A program under a name of the guide.
    fn program(&self, name: &str, script: &str) {
        let path = self.programs.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script} \"$@\"\n"))
            .expect("the program cannot be written");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, executable).expect("the program cannot be made executable");
    }

    /// The next command, which must name `part`, with more environment.
    #[expect(
        clippy::disallowed_methods,
        reason = "its PATH is the test's own, with the programs of the guide before it"
    )]
    fn next(&mut self, part: &str, more: &[(&str, &str)]) -> Command {
        let text = self.commands.pop_front().expect("the guide has no further command");
        assert!(text.contains(part), "the guide goes on with another command than {part}: {text}");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", &text]).env_clear();
        command.env("PATH", format!("{}:{path}", self.programs.path().display()));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.envs(more.iter().copied()).kill_on_drop(true);
        command
    }

    /// Runs the next command to its end: what it prints. As clients do, it tries again after a 503.
    async fn run(&mut self, part: &str, more: &[(&str, &str)]) -> String {
        let command = self.commands.front().cloned().expect("the guide has no further command");
        let began = Instant::now();
        loop {
            let output = self.next(part, more).output().await.expect("bash does not run");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let errors = String::from_utf8_lossy(&output.stderr);
            if output.status.success() {
                return text;
            }
            let may_pass = errors.contains("returned error: 503") && began.elapsed() < DEADLINE;
            assert!(may_pass, "{part}: {text}{errors}");
            self.commands.push_front(command.clone());
        }
    }

    /// Runs the next command again and again until it prints `expected`, as a reader of the guide does.
    async fn run_until(&mut self, part: &str, expected: &str) {
        let command = self.commands.front().cloned().expect("the guide has no further command");
        let began = Instant::now();
        loop {
            let printed = self.run(part, &[]).await;
            if printed.contains(expected) {
                return;
            }
            assert!(began.elapsed() < DEADLINE, "waited in vain for {part} to print {expected:?}: {printed}");
            self.commands.push_front(command.clone());
        }
    }

    /// Starts the next command, which runs until it is dropped.
    fn start(&mut self, part: &str) -> Child {
        if let Some(text) = self.commands.front_mut() {
            // Without a shell that would outlive it.
            *text = format!("exec env {text}");
        }
        self.next(part, &[]).spawn().expect("bash does not run")
    }
}

/// Does something as the original services do it; what it prints.
async fn original(arguments: &[&str]) -> Value {
    let folder = printed(Command::new(repository().join("dev/tool")).arg("clients")).await;
    let script = PathBuf::from(folder.trim()).join("original.cjs");
    let text = printed(Command::new("node").arg(script).args(arguments)).await;
    serde_json::from_str(&text).expect("no JSON")
}

async fn printed(command: &mut Command) -> String {
    let output = command.output().await.expect("a program of the test does not run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("something else than UTF-8")
}

async fn programs(guide: &Guide, rabbitmq: &RabbitServer) {
    let own = std::env::current_exe().expect("this test has no path");
    let built = own.ancestors().nth(2).expect("this test has no folder").to_path_buf();
    for name in ["user-service", "mail-service", "ping-topology"] {
        guide.program(name, &format!("exec {}", built.join(name).display()));
    }
    guide.program("rabbitmqctl", &format!("exec {} --quiet", rabbitmq.ctl_in_shell().await));
}

fn environment(redis: &RedisServer, rabbitmq: &RabbitServer, smtp: &SmtpServer) -> Vec<(String, String)> {
    let broker = rabbitmq.broker();
    let amqp = format!("amqp://{}:{}@{}", broker.user, broker.password, rabbitmq.address());
    let mut environment = vec![
        // The original's own setup names a database that it does not use.
        ("MONGO_URI", format!("{}/ping-users", shared_mongo_uri().trim_end_matches('/'))),
        ("REDIS_URL", redis.url()),
        ("RABBITMQ_URL", amqp),
        ("RABBITMQ_MANAGEMENT_URL", broker.management_url.clone()),
        ("JWT_SECRET", "a secret of thirty-two octets or more".to_owned()),
        ("BIND_ADDRESS", "127.0.0.1".to_owned()),
        ("LOGIN_RESEND_AFTER_SECONDS", "0".to_owned()),
        ("SMTP_HOST", "127.0.0.1".to_owned()),
        ("SMTP_PORT", smtp.port().to_string()),
        ("SMTP_TLS", "none".to_owned()),
        ("MAIL_FROM", "Ping <no-reply@example.org>".to_owned()),
    ];
    environment.push(("MONGO_DATABASE", String::new()));
    environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_guide_works_on_what_the_original_has_stored() {
    let _lock = OriginalDatabaseLock::take().await;
    let (redis, rabbitmq, smtp) =
        tokio::join!(RedisServer::start(), RabbitServer::start_with(&CLASSIC, None), SmtpServer::start());
    let mongo = shared_mongo_uri();
    let old_queue = rabbitmq.broker().amqp_url("/");
    original(&["remove-users", &mongo]).await;
    let ada = original(&["sign-in", &mongo, ADA]).await;
    original(&["store-code", &redis.url(), EVE, "482931"]).await;
    let event = r#"{"to":"eve@example.org","subject":"Your OTP Code","body":"Your OTP code is 482931."}"#;
    original(&["publish", &old_queue, event]).await;

    let mut guide = Guide::open(environment(&redis, &rabbitmq, &smtp));
    programs(&guide, &rabbitmq).await;
    let report = guide.run("directory check", &[]).await;
    assert!(report.contains("database user-service: 1 users"), "{report}");
    let queues = guide.run("list_queues name type", &[]).await;
    assert!(queues.contains("send-otp\tclassic"), "{queues}");

    guide.run("ping-topology", &[]).await;
    let mail_service = guide.start("mail-service");
    let user_service = guide.start("user-service");
    let ready = guide.commands.front().cloned().expect("the guide does not ask whether Ping is ready");
    wait_until("both services to be ready", DEADLINE, || async {
        guide.commands.front() == Some(&ready) && is_ready(&ready).await
    })
    .await;
    guide.run("readyz", &[]).await;
    guide.run("login", &[("EMAIL", ADA)]).await;
    let mail = smtp.wait_for_message_to("ada@example.org", DEADLINE).await;
    let code = mail.code().expect("no code in the mail");
    let signed_in = guide.run("verify-otp", &[("EMAIL", ADA), ("CODE", &code)]).await;
    let signed_in = serde_json::from_str::<Value>(&signed_in).expect("no JSON");
    assert_eq!(signed_in["user"]["_id"], ada["_id"]);

    // The old queue is the original's alone.
    assert_eq!(original(&["consume", &old_queue, "1"]).await[0], event);
    assert_eq!(smtp.messages().len(), 1);
    guide.run_until("list_queues name messages", "send-otp\t0").await;

    guide.run("delete_queue", &[]).await;
    guide.run("ping-topology", &[]).await;
    drop((mail_service, user_service));
    let restored = guide.run("directory restore", &[]).await;
    assert!(restored.contains("1 addresses restored"), "{restored}");
    assert_eq!(original(&["sign-in", &mongo, ADA]).await["_id"], ada["_id"]);
    assert_eq!(guide.commands, [""; 0], "commands that nothing has run");
}

async fn is_ready(command: &str) -> bool {
    let status = Command::new("bash").args(["-c", command]).output().await;
    status.is_ok_and(|output| output.status.success())
}
