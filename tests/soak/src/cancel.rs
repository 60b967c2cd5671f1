//! [`Limited`]: a future that is dropped after a number of polls.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// A future that is polled at most `limit` times. If it is pending after the last poll, it is dropped, and the output
/// is `None`.
pub(crate) struct Limited<F> {
    future: Option<Pin<Box<F>>>,
    polls: u32,
    limit: Option<u32>,
}

impl<F: Future> Limited<F> {
    /// Wraps a future. Without a limit, it is polled to its end.
    pub(crate) fn new(future: F, limit: Option<u32>) -> Self {
        Self {
            future: Some(Box::pin(future)),
            polls: 0,
            limit,
        }
    }

    /// Returns the number of polls so far.
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
            // No poll follows, so do not wait for a wake-up.
            Poll::Pending if this.limit == Some(this.polls) => {
                this.future = None;
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        }
    }
}
