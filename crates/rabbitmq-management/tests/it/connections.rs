//! Kept connections.

use std::sync::atomic::{AtomicUsize, Ordering};

use rabbitmq_management::{Management, ManagementConfig};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Requests that reached a server which answers one on each connection and hangs up at the next.
static ARRIVED: AtomicUsize = AtomicUsize::new(0);

#[tokio::test]
async fn a_read_on_a_kept_connection_that_the_broker_closes_just_then_is_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = async move {
        while let Ok((socket, _)) = listener.accept().await {
            answer_once(socket).await;
        }
    };
    #[expect(clippy::disallowed_methods, reason = "the test's runtime ends it")]
    tokio::spawn(serve);
    let config = ManagementConfig { url, user: "u".into(), password: "p".into(), ca_file: None };
    let management = Management::new(&config).unwrap();
    for _ in 0..2 {
        assert_eq!(management.get::<Value>("overview").await.unwrap(), Some(json!({})));
    }
    assert_eq!(ARRIVED.load(Ordering::Relaxed), 3);
}

async fn answer_once(mut socket: TcpStream) {
    let mut head = vec![0; 4096];
    for answer in ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", ""] {
        if socket.read(&mut head).await.is_ok_and(|read| read > 0) {
            ARRIVED.fetch_add(1, Ordering::Relaxed);
        }
        let _ = socket.write_all(answer.as_bytes()).await;
    }
}
