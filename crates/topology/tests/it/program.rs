//! The program as people run it.

use std::process::{Command, Output};

use serde_json::json;
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

    let (first, second) = (run(&vhost, &url, &[]), run(&vhost, &url, &[]));
    let version = vhost.management().get("/api/overview").await.unwrap()["rabbitmq_version"].clone();
    let version = format!("RabbitMQ {}", version.as_str().unwrap());
    for (output, said) in [(&first, "did: create the queue 'send-otp'"), (&second, "nothing changed")] {
        let text = text(output);
        assert!(output.status.success() && text.starts_with(&version) && text.contains(said), "{text}");
    }
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
    while let Ok(request) = requests.try_recv() {
        assert!(request.starts_with("GET "), "{request}");
    }
}

/// A management API that has nothing, of a version that cannot be had any more.
async fn server_of_version(version: &'static str) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requests) = mpsc::unbounded_channel();
    let serve = async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let read = socket.read(&mut head).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            let found = head.starts_with("GET /api/overview ");
            let body = json!({ "rabbitmq_version": version }).to_string();
            let (status, body) = if found { ("200 OK", body) } else { ("404 Not Found", "{}".to_owned()) };
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            let _ = socket.write_all(answer.as_bytes()).await;
            let _ = sender.send(head);
        }
    };
    #[expect(clippy::disallowed_methods, reason = "the test's runtime ends it")]
    tokio::spawn(serve);
    (url, requests)
}
