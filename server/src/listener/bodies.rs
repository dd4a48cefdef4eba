//! Bodies on their way: a request's has to arrive in time; with the end of the answer's a connection asks nothing.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

use super::places::Place;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// A request's body.
pub(super) struct Arriving {
    body: Incoming,
    place: Arc<Place>,
    late: Pin<Box<Sleep>>,
}

impl Arriving {
    /// `None` if the connection has lost its place: then nothing of the request was read, and nothing is done.
    pub(super) fn new(body: Incoming, place: &Arc<Place>, patience: Duration) -> Option<Self> {
        // Whoever sends no body waits for us from now on, and whoever sends one, when it is here.
        if body.is_end_stream() && !place.asks() {
            return None;
        }
        Some(Self { body, place: Arc::clone(place), late: Box::pin(sleep(patience)) })
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = Failed;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failed>>> {
        if self.late.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err("the body did not arrive in time".into())));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if (frame.is_none() || self.body.is_end_stream()) && !self.place.asks() {
            return Poll::Ready(Some(Err("the connection was given up".into())));
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Failed::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body.
pub(super) struct Leaving {
    body: axum::body::Body,
    place: Arc<Place>,
}

impl Leaving {
    pub(super) fn new(body: axum::body::Body, place: &Arc<Place>) -> Self {
        Self { body, place: Arc::clone(place) }
    }
}

impl Body for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.place.is_answered();
    }
}
