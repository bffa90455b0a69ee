//! Entry point: serves the control API until the pod is deleted.

use std::{io, net::Ipv4Addr};

use test_client::{call::Caller, control};
use tokio::net::TcpListener;

const PORT: u16 = 8080;

#[tokio::main]
async fn main() -> io::Result<()> {
    let caller = Caller::new().map_err(io::Error::other)?;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    axum::serve(listener, control::router(caller)).await
}
