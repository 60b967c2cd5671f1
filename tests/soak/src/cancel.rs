//! [`Limited`]: a future that is dropped after a number of polls.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// Polls a future a number of times at the most. When it is still not done by then, it is dropped there and then,
/// and what comes out is nothing.
pub(crate) struct Limited<F> {
    future: Option<Pin<Box<F>>>,
    polls: u32,
    limit: Option<u32>,
}

impl<F: Future> Limited<F> {
    /// With no limit, it is as if it were not there.
    pub(crate) fn new(future: F, limit: Option<u32>) -> Self {
        Self {
            future: Some(Box::pin(future)),
            polls: 0,
            limit,
        }
    }

    /// How many times it was polled.
    pub(crate) fn polls(&self) -> u32 {
        self.polls
    }
}

impl<F: Future> Future for Limited<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.limit.is_some_and(|limit| this.polls >= limit) {
            this.future = None;
        }
        let Some(future) = &mut this.future else {
            return Poll::Ready(None);
        };
        this.polls += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => {
                this.future = None;
                Poll::Ready(Some(output))
            }
            // The last poll that it gets is not followed by a wake-up that somebody waits for.
            Poll::Pending if this.limit == Some(this.polls) => {
                this.future = None;
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        }
    }
}
