use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, extract::ConnectInfo, routing::get};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::timeout,
};

use super::{ServeOptions, serve};
use crate::{
    backoff, open_files,
    shutdown::{Finish, Shutdown},
};

const DEADLINE: Duration = Duration::from_secs(30);

async fn started(router: Router, options: ServeOptions) -> (SocketAddr, Shutdown) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new();
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

const SHORT: Duration = Duration::from_millis(50);

async fn pause(duration: Duration) {
    let _ = backoff::pause(duration, &Shutdown::new()).await;
}

fn hello() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

async fn connected(address: SocketAddr, octets: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(octets).await.unwrap();
    stream
}

/// Sends a request on a connection that is kept, and reads its response.
async fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut response = Vec::new();
    while !response.ends_with(b"hello") {
        let read = timeout(DEADLINE, stream.read_buf(&mut response)).await.expect("no response").unwrap();
        assert!(read > 0, "closed after {}", String::from_utf8_lossy(&response));
    }
    String::from_utf8(response).unwrap()
}

#[tokio::test]
async fn a_connection_without_a_whole_head_is_closed_whatever_it_has_sent() {
    let options = ServeOptions { header_read_timeout: SHORT, ..ServeOptions::default() };
    let (address, _shutdown) = started(Router::new(), options).await;
    // Too short for the version of HTTP, half a head, and the preface of HTTP/2 without a request.
    for octets in [&b""[..], b"P", b"GET / HTTP/1.1\r\nhost:", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        read_all(&mut connected(address, octets).await).await;
    }
}

#[tokio::test]
async fn a_connection_that_sends_octet_by_octet_gets_no_more_time() {
    let options = ServeOptions { header_read_timeout: SHORT, ..ServeOptions::default() };
    let (address, _shutdown) = started(Router::new(), options).await;
    let mut stream = connected(address, b"GET / HTTP/1.1\r\nx: ").await;
    let began = Instant::now();
    while stream.write_all(b"x").await.is_ok() {
        assert!(began.elapsed() < DEADLINE, "the server did not close the connection");
        pause(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_idle_connection_outlives_the_time_for_a_head_and_ends_after_its_own() {
    let header_read_timeout = SHORT;
    let idle_timeout = 10 * SHORT;
    let options = ServeOptions { header_read_timeout, idle_timeout, ..ServeOptions::default() };
    let (address, _shutdown) = started(hello(), options).await;
    let mut stream = connected(address, b"").await;
    ask(&mut stream).await;
    pause(3 * SHORT).await;
    ask(&mut stream).await;
    let began = Instant::now();
    assert_eq!(read_all(&mut stream).await, "");
    assert!(began.elapsed() >= idle_timeout / 2, "closed after {:?}", began.elapsed());
}

#[tokio::test]
async fn half_a_second_head_is_closed_as_soon_as_half_a_first_one() {
    let options =
        ServeOptions { header_read_timeout: SHORT, idle_timeout: 10 * DEADLINE, ..ServeOptions::default() };
    let (address, _shutdown) = started(hello(), options).await;
    let mut stream = connected(address, b"").await;
    ask(&mut stream).await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
    assert_eq!(read_all(&mut stream).await, "");
}

#[tokio::test]
async fn a_request_in_flight_is_finished_before_shutdown_ends() {
    let started_tx = std::sync::Arc::new(Notify::new());
    let go = std::sync::Arc::new(Notify::new());
    let in_handler = started_tx.clone();
    let may_go = go.clone();
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

/// A router with a handler that signals `called` and responds only after `go`.
fn held(called: &Arc<Notify>, go: &Arc<Notify>) -> Router {
    let called = Arc::clone(called);
    let go = Arc::clone(go);
    let handler = move || async move {
        called.notify_one();
        go.notified().await;
        "done"
    };
    hello().route("/held", get(handler))
}

const HELD: &[u8] = b"GET /held HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn while_all_connections_have_requests_in_flight_another_one_waits() {
    let called = Arc::new(Notify::new());
    let go = Arc::new(Notify::new());
    let options = ServeOptions { max_connections: 1, ..ServeOptions::default() };
    let (address, _shutdown) = started(held(&called, &go), options).await;
    let mut first = connected(address, HELD).await;
    timeout(DEADLINE, called.notified()).await.expect("the handler was not called");
    let mut second = connected(address, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let mut octet = [0];
    assert!(
        timeout(Duration::from_millis(200), second.peek(&mut octet)).await.is_err(),
        "the second was served at once"
    );
    go.notify_one();
    assert!(read_all(&mut first).await.ends_with("done"));
    assert!(read_all(&mut second).await.ends_with("hello"));
}

#[tokio::test]
async fn a_full_listener_closes_the_oldest_connection_without_a_head_and_keeps_the_others() {
    let called = Arc::new(Notify::new());
    let go = Arc::new(Notify::new());
    let options = ServeOptions { max_connections: 4, ..ServeOptions::default() };
    let (address, _shutdown) = started(held(&called, &go), options).await;
    let mut busy = connected(address, HELD).await;
    timeout(DEADLINE, called.notified()).await.expect("the handler was not called");
    let mut idle = connected(address, b"").await;
    ask(&mut idle).await;
    let mut silent = connected(address, b"").await;
    let mut half = connected(address, b"GET / HTTP/1.1\r\nhost:").await;
    ask(&mut connected(address, b"").await).await;
    assert_eq!(read_all(&mut silent).await, "", "the older one");
    ask(&mut idle).await;
    half.write_all(b" x\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(read_all(&mut half).await.ends_with("hello"));
    go.notify_one();
    assert!(read_all(&mut busy).await.ends_with("done"));
}

#[tokio::test]
async fn a_full_listener_closes_the_connection_that_is_idle_the_longest_if_all_have_had_a_request() {
    let options = ServeOptions { max_connections: 2, ..ServeOptions::default() };
    let (address, _shutdown) = started(hello(), options).await;
    let mut first = connected(address, b"").await;
    let mut second = connected(address, b"").await;
    ask(&mut first).await;
    ask(&mut second).await;
    ask(&mut first).await;
    ask(&mut connected(address, b"").await).await;
    assert_eq!(read_all(&mut second).await, "");
    ask(&mut first).await;
}

#[tokio::test]
async fn five_thousand_silent_connections_keep_no_honest_request_from_its_response() {
    open_files::raise_limit();
    let options = ServeOptions { max_connections: 1024, ..ServeOptions::default() };
    let (address, _shutdown) = started(hello(), options).await;
    let mut silent = Vec::with_capacity(5000);
    for number in 0..5000 {
        silent.push(connected(address, b"").await);
        if number % 500 == 0 {
            ask(&mut connected(address, b"").await).await;
        }
    }
    ask(&mut connected(address, b"").await).await;
}
