//! A response body that ends its request when it is dropped: hyper does so once the last octet is in its buffer, or the
//! client is gone.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use super::connections::Watched;

/// A request that counts as in flight until it is dropped.
pub(super) struct InFlight(Arc<Watched>);

impl InFlight {
    pub(super) fn begin(watched: &Arc<Watched>, multiplexed: bool) -> Self {
        watched.activity().request_began(multiplexed, Instant::now());
        Self(Arc::clone(watched))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.activity().request_ended(Instant::now());
    }
}

pub(super) struct CountedBody<B> {
    body: B,
    _in_flight: InFlight,
}

impl<B> CountedBody<B> {
    pub(super) const fn new(body: B, in_flight: InFlight) -> Self {
        Self { body, _in_flight: in_flight }
    }
}

impl<B: Body + Unpin> Body for CountedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
