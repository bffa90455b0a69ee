use std::io::ErrorKind;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;
use crate::wait::wait_until;

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(200);

/// A server that sends back what it gets.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut from, mut to) = socket.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    address
}

async fn say(socket: &mut TcpStream, text: &str) -> std::io::Result<String> {
    socket.write_all(text.as_bytes()).await?;
    let mut answer = vec![0; text.len()];
    socket.read_exact(&mut answer).await?;
    Ok(String::from_utf8(answer).unwrap())
}

async fn connected() -> (Proxy, TcpStream) {
    let proxy = Proxy::start(echo().await).await;
    let mut socket = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(say(&mut socket, "hello").await.unwrap(), "hello");
    assert_eq!(proxy.connections(), 1);
    (proxy, socket)
}

#[tokio::test]
async fn a_black_hole_holds_bytes_and_gives_them_back_afterwards() {
    let (proxy, mut socket) = connected().await;
    proxy.set_mode(Mode::BlackHole).await;
    assert!(timeout(SHORT, say(&mut socket, "lost?")).await.is_err(), "something answered out of the hole");
    let mut late = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(timeout(SHORT, say(&mut late, "late")).await.is_err(), "a new connection was served");

    proxy.set_mode(Mode::Forward).await;
    let mut held = [0; 5];
    timeout(LONG, socket.read_exact(&mut held)).await.unwrap().unwrap();
    assert_eq!(&held, b"lost?");
}

#[tokio::test]
async fn refusing_lets_connections_live_and_refuses_new_ones() {
    let (proxy, mut socket) = connected().await;
    proxy.set_mode(Mode::Refuse).await;
    let refused = TcpStream::connect(proxy.address()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(say(&mut socket, "still").await.unwrap(), "still");

    proxy.set_mode(Mode::Forward).await;
    let mut again = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(say(&mut again, "again").await.unwrap(), "again");
}

#[tokio::test]
async fn a_reset_connection_ends_with_an_error_and_the_next_is_served() {
    let (proxy, mut socket) = connected().await;
    proxy.reset_connections();
    let end = timeout(LONG, socket.read(&mut [0; 1])).await.unwrap().unwrap_err();
    assert_eq!(end.kind(), ErrorKind::ConnectionReset);
    let mut next = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(say(&mut next, "next").await.unwrap(), "next");
}

#[tokio::test]
async fn a_cut_connection_ends_in_order() {
    let (proxy, mut socket) = connected().await;
    proxy.cut_connections();
    assert_eq!(timeout(LONG, socket.read(&mut [0; 1])).await.unwrap().unwrap(), 0);
    wait_until("the connection to be gone", LONG, || async { proxy.connections() == 0 }).await;
}

#[tokio::test]
async fn a_dropped_proxy_frees_its_port() {
    let (proxy, mut socket) = connected().await;
    let address = proxy.address();
    drop(proxy);
    assert_eq!(timeout(LONG, socket.read(&mut [0; 1])).await.unwrap().unwrap(), 0);
    wait_until("the port to be free", LONG, || async { TcpListener::bind(address).await.is_ok() }).await;
}
