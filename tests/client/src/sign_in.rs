//! One user: asks for a code, waits for its mail, exchanges it, and tries again where a client would.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    call::Answer,
    context::LoadContext,
    ledger::{CodeOutcome, SignIn},
    session::Session,
};

/// As long as a code is valid, and some for a busy machine.
const DEADLINE: Duration = Duration::from_secs(330);
/// How often the inbox is asked for a mail.
const LOOK: Duration = Duration::from_millis(200);
/// Users wait longer after each try, up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// Every so many sign-ins a code is tried a second time.
const TRIED_TWICE: u64 = 10;

/// Why a round of login, mail and code ended without a session.
enum Round {
    /// A lost answer may have used the code up: the user asks for another one.
    Again,
    /// It ended for good.
    Over(CodeOutcome),
}

/// A sign-in that has ended, and its session.
#[derive(Debug)]
pub struct Done {
    /// For the ledger; the session's outcome is not known yet.
    pub entry: SignIn,
    /// The session, if one began.
    pub session: Option<Session>,
    /// The code that began it, to be tried again at the end.
    pub used_code: String,
    /// When it was used.
    pub at: Instant,
}

pub async fn sign_in(context: &LoadContext, number: u64) -> Done {
    let mut user = User {
        context,
        end: Instant::now() + DEADLINE,
        entry: SignIn { address: context.plan.address(number), ..SignIn::default() },
        code: String::new(),
        codes_before: 0,
    };
    let mut session = None;
    loop {
        match user.round().await {
            Ok(answer) => {
                user.entry.code = CodeOutcome::Used;
                session = Session::of(usize::try_from(number).unwrap_or_default(), &answer);
            }
            Err(Round::Again) if Instant::now() < user.end => continue,
            Err(Round::Again) => user.entry.code = CodeOutcome::Unanswered,
            Err(Round::Over(outcome)) => user.entry.code = outcome,
        }
        break;
    }
    if session.is_some()
        && number.is_multiple_of(TRIED_TWICE)
        && is_good_again(context, &user.entry.address, &user.code).await
    {
        user.entry.code = CodeOutcome::UsedTwice;
    }
    Done { entry: user.entry, session, used_code: user.code, at: Instant::now() }
}

/// Whether a used code begins a second session.
pub async fn is_good_again(context: &LoadContext, address: &str, code: &str) -> bool {
    context.call("verify-again", "/api/v1/verify-otp", json!({ "email": address, "otp": code })).await.status
        == 200
}

struct User<'a> {
    context: &'a LoadContext,
    end: Instant,
    entry: SignIn,
    code: String,
    codes_before: usize,
}

impl User<'_> {
    async fn round(&mut self) -> Result<Answer, Round> {
        self.log_in().await?;
        self.code = self.mailed_code().await.ok_or(Round::Over(CodeOutcome::NoMail))?;
        self.verify().await
    }

    /// Asks until a login is answered 200.
    async fn log_in(&mut self) -> Result<(), Round> {
        for tries in 0.. {
            let body = json!({ "email": self.entry.address });
            self.entry.logins += 1;
            let answer = self.context.call("login", "/api/v1/login", body).await;
            if answer.status == 200 {
                self.entry.confirmed += 1;
                self.context.record().confirm();
                break;
            }
            self.pause(&answer, tries).await.ok_or(Round::Over(CodeOutcome::NoLogin))?;
        }
        Ok(())
    }

    /// The newest code, once there is one that was not there before this round.
    async fn mailed_code(&mut self) -> Option<String> {
        let arrival = async {
            loop {
                let codes = self.context.inbox.codes(&self.entry.address);
                if codes.len() > self.codes_before {
                    break codes;
                }
                sleep(LOOK).await;
            }
        };
        let codes = timeout_at(self.end, arrival).await.ok()?;
        self.codes_before = codes.len();
        codes.last().cloned()
    }

    async fn verify(&mut self) -> Result<Answer, Round> {
        let mut answered = true;
        let mut tries = 0;
        loop {
            let body = json!({ "email": self.entry.address, "otp": self.code });
            let answer = self.context.call("verify", "/api/v1/verify-otp", body).await;
            match answer.status {
                200 => {
                    self.context.record().sign_in();
                    return Ok(answer);
                }
                400 if answered => return Err(Round::Over(CodeOutcome::Refused)),
                400 => return Err(Round::Again),
                _ => answered = false,
            }
            self.pause(&answer, tries).await.ok_or(Round::Over(CodeOutcome::Unanswered))?;
            tries += 1;
        }
    }

    /// Waits as `Retry-After` says, longer after each try; `None` when the user has given up.
    async fn pause(&self, answer: &Answer, tries: u32) -> Option<()> {
        let asked = Duration::from_secs(answer.retry_after.unwrap_or(1));
        let grown = Duration::from_secs(1 << tries.min(3));
        let pause = asked.max(grown).min(LONGEST_PAUSE);
        (Instant::now() + pause < self.end).then_some(())?;
        sleep(pause).await;
        Some(())
    }
}
