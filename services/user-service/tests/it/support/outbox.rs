//! A publisher that keeps what it is given, and answers as the test sets.

use std::sync::{Arc, Mutex};

use futures::future::{BoxFuture, FutureExt as _, pending};
use ping_contract::event::MailEvent;
use user_service::publisher::{MailPublisher, OutgoingMail, PublishError};

/// How a publish ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Answering {
    #[default]
    Confirmed,
    Refused,
    Unknown,
    /// Not at all.
    Never,
}

/// Kept mails. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Outbox(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    answering: Answering,
    mails: Vec<OutgoingMail>,
}

impl Outbox {
    pub fn answer(&self, answering: Answering) {
        self.0.lock().unwrap().answering = answering;
    }

    pub fn count(&self) -> usize {
        self.0.lock().unwrap().mails.len()
    }

    pub fn last_expires_at(&self) -> i64 {
        self.0.lock().unwrap().mails.last().expect("no mail was handed over").expires_at_ms
    }

    /// The newest mail: its body, and when its code dies.
    pub fn last_body(&self) -> (Vec<u8>, i64) {
        let state = self.0.lock().unwrap();
        let mail = state.mails.last().expect("no mail was handed over");
        (mail.body.clone(), mail.expires_at_ms)
    }

    /// The languages that the newest mail is wished for in.
    pub fn last_wishes(&self) -> String {
        self.0.lock().unwrap().mails.last().expect("no mail was handed over").wishes.to_string()
    }

    /// The code in the newest mail to this address.
    pub fn last_code(&self, address: &str) -> String {
        let state = self.0.lock().unwrap();
        let mut events = state.mails.iter().rev().map(|mail| MailEvent::parse(&mail.body).unwrap());
        let event = events.find(|event| event.to.as_str() == address).expect("no mail to this address");
        event.body.chars().filter(char::is_ascii_digit).take(6).collect()
    }
}

impl MailPublisher for Outbox {
    fn publish(&self, mail: OutgoingMail) -> BoxFuture<'_, Result<(), PublishError>> {
        let mut state = self.0.lock().unwrap();
        state.mails.push(mail);
        match state.answering {
            Answering::Confirmed => async { Ok(()) }.boxed(),
            Answering::Refused => async { Err(PublishError::Refused("as the test wants".into())) }.boxed(),
            Answering::Unknown => async { Err(PublishError::Unknown("as the test wants".into())) }.boxed(),
            Answering::Never => pending().boxed(),
        }
    }
}
