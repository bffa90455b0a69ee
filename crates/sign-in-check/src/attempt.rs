//! One sign-in, from the request for a code to the end of the session.

use std::time::Duration;

use ping_contract::synthetic;
use rand::RngExt as _;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::{
    code::code_in,
    failure::{Failure, Step},
    sink::{Mailbox, Sink},
    user_service::{self, Session, UserService},
};

/// How long a mail may take. It is longer than the first two retries of mail-service take together.
const MAIL_DEADLINE: Duration = Duration::from_mins(1);

/// How many mails are tried. A stranger may have asked for a code of the same address.
const MAILS: u32 = 3;

/// How many addresses are tried: one may be limited, for the same reason.
const ADDRESSES: u32 = 3;

/// Signs in at any number of stacks.
#[derive(Debug, Clone)]
pub struct SignIn {
    client: Client,
    sink: Sink,
    mail_deadline: Duration,
}

/// A sign-in that worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedIn {
    /// From the request for the code to the code.
    pub code_after: Duration,
}

impl SignIn {
    /// With mails that come to `sink`.
    pub fn new(sink: Sink) -> Result<Self, reqwest::Error> {
        Ok(Self { client: user_service::client()?, sink, mail_deadline: MAIL_DEADLINE })
    }

    /// The same, which waits this long for a mail.
    #[must_use]
    pub fn with_mail_deadline(mut self, deadline: Duration) -> Self {
        self.mail_deadline = deadline;
        self
    }

    /// Signs in at the user-service of this URL, which has no slash at its end.
    pub async fn at(&self, url: &str) -> Result<SignedIn, Failure> {
        let user_service = UserService { client: self.client.clone(), url: url.to_owned() };
        let mut result = Err(Failure::NoMail(Duration::ZERO));
        for _ in 0..ADDRESSES {
            let Some((address, mailbox)) = self.free_address() else { break };
            result = self.with_address(&user_service, &address, mailbox).await;
            let another_may_do = |failure: &Failure| failure.is_limited() && failure.step() == Step::Login;
            if !result.as_ref().is_err_and(another_may_do) {
                break;
            }
        }
        result
    }

    /// An address that no sign-in uses now, chosen at random.
    fn free_address(&self) -> Option<(String, Mailbox)> {
        let first = rand::rng().random_range(0..synthetic::ADDRESSES);
        (0..synthetic::ADDRESSES).find_map(|step| {
            let address = synthetic::address(first.wrapping_add(step));
            self.sink.expect(&address).map(|mailbox| (address, mailbox))
        })
    }

    async fn with_address(
        &self,
        user_service: &UserService,
        address: &str,
        mut mailbox: Mailbox,
    ) -> Result<SignedIn, Failure> {
        let asked = Instant::now();
        let challenge = user_service.log_in(address).await?;
        let asked = Asked { address, challenge: &challenge, at: asked };
        let Verified { session, code_after, body } = self.verify(user_service, asked, &mut mailbox).await?;
        user_service.check(&session).await?;
        match user_service.verify(Step::Again, &body).await {
            Ok(_) => return Err(Failure::AcceptedTwice),
            Err(Failure::Refused { status: 400 | 429, .. }) => {}
            Err(failure) => return Err(failure),
        }
        user_service.log_out(&session).await?;
        Ok(SignedIn { code_after })
    }

    /// Verifies the code of the first mail that has the right one.
    async fn verify(
        &self,
        user_service: &UserService,
        asked: Asked<'_>,
        mailbox: &mut Mailbox,
    ) -> Result<Verified, Failure> {
        let end = asked.at + self.mail_deadline;
        let mut last = Failure::NoMail(self.mail_deadline);
        for _ in 0..MAILS {
            let Ok(mail) = timeout_at(end, mailbox.next()).await else { return Err(last) };
            let code_after = asked.at.elapsed();
            let Some(code) = code_in(&mail) else {
                last = Failure::NoCode;
                continue;
            };
            let body = json!({ "email": asked.address, "otp": code, "challenge": asked.challenge });
            match user_service.verify(Step::Verify, &body).await {
                Ok(session) => return Ok(Verified { session, code_after, body }),
                Err(failure @ Failure::Refused { status: 400, .. }) => last = failure,
                Err(failure) => return Err(failure),
            }
        }
        Err(last)
    }
}

/// A code that was requested.
struct Asked<'a> {
    address: &'a str,
    challenge: &'a str,
    at: Instant,
}

/// A code that was accepted, and the request that it was in.
struct Verified {
    session: Session,
    code_after: Duration,
    body: Value,
}

#[cfg(test)]
mod tests;
