//! The program as people run it.

use std::process::{Command, Output};

use serde_json::{Value, json};
use test_kit::vhost::Vhost;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::mpsc,
};

fn run(vhost: &Vhost, management_url: &str, arguments: &[&str]) -> Output {
    let broker = vhost.broker();
    Command::new(env!("CARGO_BIN_EXE_ping-topology"))
        .env_clear()
        .envs([("RABBITMQ_USER", &*broker.user), ("RABBITMQ_PASSWORD", &*broker.password)])
        .envs([("RABBITMQ_VHOST", vhost.name()), ("RABBITMQ_MANAGEMENT_URL", management_url)])
        .args(arguments)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

#[tokio::test]
async fn the_program_says_the_version_and_what_it_did_and_then_that_nothing_is_left() {
    let vhost = Vhost::create().await;
    let url = vhost.broker().management_url.clone();
    let dry = text(&run(&vhost, &url, &["--dry-run"]));
    assert!(dry.contains("would: create the queue 'send-otp'"), "{dry}");
    assert!(
        vhost.management().get(&vhost.path("queues", "send-otp")).await.is_none(),
        "a dry run writes nothing"
    );

    let first = run(&vhost, &url, &[]);
    let second = run(&vhost, &url, &[]);
    let version = vhost.management().get("/api/overview").await.unwrap()["rabbitmq_version"].clone();
    let version = format!("RabbitMQ {}", version.as_str().unwrap());
    for (output, said) in [(&first, "did: create the queue 'send-otp'"), (&second, "nothing changed")] {
        let text = text(output);
        assert!(output.status.success() && text.starts_with(&version) && text.contains(said), "{text}");
    }
}

#[test]
fn an_empty_variable_is_an_unset_one() {
    test_kit::environment::assert_empty_is_unset(env!("CARGO_BIN_EXE_ping-topology"));
}

#[tokio::test]
async fn the_url_of_the_services_is_enough() {
    let vhost = Vhost::create().await;
    let output = Command::new(env!("CARGO_BIN_EXE_ping-topology"))
        .env_clear()
        .env("RABBITMQ_URL", vhost.amqp_url())
        .env("RABBITMQ_MANAGEMENT_URL", &vhost.broker().management_url)
        .envs(
            ["RABBITMQ_HOST", "RABBITMQ_USER", "RABBITMQ_PASSWORD", "RABBITMQ_VHOST"].map(|name| (name, "")),
        )
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(vhost.management().get(&vhost.path("queues", "send-otp")).await.is_some());
}

#[tokio::test]
async fn a_conflict_fails_the_program_and_says_what_to_do() {
    let vhost = Vhost::create().await;
    let classic = json!({ "durable": true, "arguments": { "x-queue-type": "classic" } });
    vhost.management().put(&vhost.path("queues", "send-otp"), &classic).await;
    let output = run(&vhost, &vhost.broker().management_url, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("drain and delete it, then apply again"), "{}", text(&output));
}

#[tokio::test]
async fn trap_8_an_old_server_is_named_and_nothing_is_written_to_it() {
    let vhost = Vhost::create().await;
    let (url, mut requests) = server_of_version("3.10.8").await;
    let output = tokio::task::spawn_blocking({
        let url = url.clone();
        move || (run(&vhost, &url, &[]), vhost)
    });
    let (output, _vhost) = output.await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("the server is RabbitMQ 3.10.8, and Ping needs 4.0"), "{}", text(&output));
    assert!(text(&output).contains("from 3.x by way of 3.13"), "{}", text(&output));
    while let Ok(request) = requests.try_recv() {
        assert!(request.starts_with("GET "), "{request}");
    }
}

#[tokio::test]
async fn a_broker_that_does_not_know_its_own_vhost_for_a_moment_is_asked_again() {
    let vhost = Vhost::create().await;
    let mut refused = 0;
    let (url, mut requests) = management(move |head| {
        let put = head.starts_with("PUT ");
        refused += usize::from(put);
        match head.split(' ').nth(1).unwrap_or_default() {
            "/api/overview" => ok(&json!({ "rabbitmq_version": "4.0.5" })),
            _ if put && refused <= 2 => NOT_FOUND.to_owned(),
            _ if put || head.starts_with("POST ") => ok(&json!({})),
            path if path.starts_with("/api/vhosts/") && !path.contains("permissions") => ok(&json!({})),
            _ => ok(&json!([])),
        }
    })
    .await;
    let output = tokio::task::spawn_blocking(move || (run(&vhost, &url, &[]), vhost));
    let (output, _vhost) = output.await.unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let mut puts = Vec::new();
    while let Ok(request) = requests.try_recv() {
        puts.extend(request.strip_prefix("PUT ").map(|rest| rest.split(' ').next().unwrap().to_owned()));
    }
    assert!(puts[0] == puts[1] && puts[1] == puts[2] && puts[2] != puts[3], "{puts:?}");
}

/// A management API that has nothing, of a version that cannot be had any more.
async fn server_of_version(version: &'static str) -> (String, mpsc::UnboundedReceiver<String>) {
    management(move |head| {
        let known = head.starts_with("GET /api/overview ");
        if known { ok(&json!({ "rabbitmq_version": version })) } else { NOT_FOUND.to_owned() }
    })
    .await
}

const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";

fn ok(body: &Value) -> String {
    let body = body.to_string();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// A management API that answers as `answer` says to the head of each request.
async fn management(
    mut answer: impl FnMut(&str) -> String + Send + 'static,
) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requests) = mpsc::unbounded_channel();
    let serve = async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let read = socket.read(&mut head).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            let _ = socket.write_all(answer(&head).as_bytes()).await;
            let _ = sender.send(head);
        }
    };
    #[expect(clippy::disallowed_methods, reason = "the test's runtime ends it")]
    tokio::spawn(serve);
    (url, requests)
}
