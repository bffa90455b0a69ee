use std::{net::SocketAddr, time::Duration};

use axum::{Router, extract::ConnectInfo, routing::get};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::timeout,
};

use super::{ServeOptions, serve};
use crate::shutdown::{Finish, Shutdown};

const DEADLINE: Duration = Duration::from_secs(30);

async fn started(router: Router, options: ServeOptions) -> (SocketAddr, Shutdown) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, shutdown) = (listener.local_addr().unwrap(), Shutdown::new());
    shutdown.spawn_critical("http", serve(listener, router, options, shutdown.clone()));
    (address, shutdown)
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    timeout(DEADLINE, stream.read_to_end(&mut text))
        .await
        .expect("the server did not close the connection")
        .unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_handler_learns_the_peer() {
    let router = Router::new()
        .route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }));
    let (address, _shutdown) = started(router, ServeOptions::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.ends_with(&stream.local_addr().unwrap().to_string()), "{answer}");
}

#[tokio::test]
async fn half_a_header_is_cut_off() {
    let options = ServeOptions { header_read_timeout: Duration::from_millis(50), ..ServeOptions::default() };
    let (address, _shutdown) = started(Router::new(), options).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
    read_all(&mut stream).await;
}

#[tokio::test]
async fn a_request_in_flight_is_finished_before_shutdown_ends() {
    let (started_tx, go) = (std::sync::Arc::new(Notify::new()), std::sync::Arc::new(Notify::new()));
    let (in_handler, may_go) = (started_tx.clone(), go.clone());
    let handler = move || async move {
        in_handler.notify_one();
        may_go.notified().await;
        "done"
    };
    let (address, shutdown) = started(Router::new().route("/", get(handler)), ServeOptions::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    timeout(DEADLINE, started_tx.notified()).await.expect("the handler was not called");
    shutdown.trigger();
    go.notify_one();
    assert!(read_all(&mut stream).await.ends_with("done"));
    assert_eq!(shutdown.finish(DEADLINE).await, Finish::Clean);
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_their_turn() {
    let options = ServeOptions { max_connections: 1, ..ServeOptions::default() };
    let (address, _shutdown) = started(Router::new().route("/", get(|| async { "hello" })), options).await;
    let first = TcpStream::connect(address).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut byte = [0];
    assert!(
        timeout(Duration::from_millis(100), second.peek(&mut byte)).await.is_err(),
        "the second was served at once"
    );
    drop(first);
    assert!(read_all(&mut second).await.ends_with("hello"));
}
