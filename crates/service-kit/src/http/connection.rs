//! One connection from its first octet to its end.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use hyper::{
    Request, Response, Version,
    body::{Body, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep_until},
};
use tower::{Service, ServiceExt as _};

use super::{
    connections::Watched,
    counted_body::{CountedBody, InFlight},
    watched_stream::WatchedStream,
};

/// How often an HTTP/2 client is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// Serves HTTP/1 and HTTP/2 on `stream` until the client leaves. When `leave` resolves, requests in flight are finished and
/// no more are taken.
pub async fn serve_connection<S, H, B>(
    stream: S,
    service: H,
    watched: &Arc<Watched>,
    leave: impl Future<Output = ()>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    H::Future: Send + 'static,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let counting = Arc::clone(watched);
    let service = service_fn(move |request: Request<Incoming>| {
        let in_flight = InFlight::begin(&counting, request.version() == Version::HTTP_2);
        let response = service.clone().oneshot(request);
        async move { Ok::<_, Infallible>(response.await?.map(|body| CountedBody::new(body, in_flight))) }
    });
    let builder = builder(watched);
    let io = TokioIo::new(WatchedStream::new(stream, Arc::clone(watched)));
    let mut connection = pin!(builder.serve_connection(io, service));
    tokio::select! {
        // A connection's error is the client's affair: it went away, or spoke no HTTP.
        _ = connection.as_mut() => return,
        () = leave => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Without the timer of hyper for heads: it does not run while the version of HTTP is read, and counts idle time too.
fn builder(watched: &Watched) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(watched.options.header_read_timeout);
    builder
}

/// Polls `connection` until it ends or the deadline of its activity has passed. Everything that moves the deadline happens
/// in these polls, so that no other task has to wake this one.
pub(super) async fn until_its_time_is_up(watched: &Watched, connection: impl Future<Output = ()>) {
    let mut connection = pin!(connection);
    let mut timer = pin!(sleep_until(Instant::now()));
    poll_fn(|cx| {
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let Some(deadline) = watched.deadline() else { return Poll::Pending };
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx)
    })
    .await;
}
