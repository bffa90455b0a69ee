//! How many logins may be under way at once: fewer while Redis and the broker answer slowly.
//!
//! With a fixed number alone, logins beyond what the servers can take queue up behind each other until each of them is
//! too late: the mails go out, and nobody is answered 200. So the number follows the answers as a TCP sender's window
//! follows acknowledgements: up by little steps, down by a share (additive increase, multiplicative decrease, RFC 5681).

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// So many are let in however slow the answers are: only those who are let in can show that it is over.
const LEAST: usize = 64;
/// So many quick answers make one place more: a halved limit of 1,024 is back after some 4,000 logins.
const QUICK_PER_PLACE: u32 = 8;

/// The limit. Clones share it.
#[derive(Debug, Clone)]
pub struct LoginConcurrency {
    state: Arc<Mutex<State>>,
    most: usize,
    slow: Duration,
}

#[derive(Debug)]
struct State {
    places: usize,
    under_way: usize,
    quick: u32,
    /// Those that began before are slow for a reason that was counted already.
    cut_at: Option<Instant>,
}

/// A login under way; counted by how long it was when dropped.
#[derive(Debug)]
pub struct Place {
    limit: LoginConcurrency,
    began: Instant,
}

impl LoginConcurrency {
    /// At most `most`; an answer after more than `slow` is one too late.
    #[must_use]
    pub fn new(most: usize, slow: Duration) -> Self {
        let state = State { places: most, under_way: 0, quick: 0, cut_at: None };
        Self { state: Arc::new(Mutex::new(state)), most, slow }
    }

    /// A place for one login, or `None`: it is to be refused at once.
    #[must_use]
    pub fn enter(&self) -> Option<Place> {
        let mut state = self.state();
        if state.under_way >= state.places {
            return None;
        }
        state.under_way += 1;
        Some(Place { limit: self.clone(), began: Instant::now() })
    }

    fn leave(&self, began: Instant) {
        let mut state = self.state();
        let now = Instant::now();
        state.under_way -= 1;
        if now.duration_since(began) <= self.slow {
            state.quick += 1;
            if state.quick >= QUICK_PER_PLACE {
                state.quick = 0;
                state.places = (state.places + 1).min(self.most);
            }
        } else if state.cut_at.is_none_or(|cut_at| began > cut_at) {
            state.places = (state.places * 2 / 3).max(LEAST.min(self.most));
            state.cut_at = Some(now);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.limit.leave(self.began);
    }
}

#[cfg(test)]
mod tests;
