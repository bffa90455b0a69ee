//! One user of a stack, step by step.

use serde_json::json;
use test_client::call::Answer;

use crate::{
    deadline,
    stack::Stack,
    wait::{eventually, seen},
};

/// A user of a stack.
pub struct User<'a> {
    stack: &'a Stack<'a>,
    address: String,
}

/// A session: whose it is, its newest refresh token, and the code that began it.
#[derive(Clone)]
pub struct Session {
    /// The user's id, `sub` in the tokens.
    pub user_id: String,
    /// Worth one refresh.
    pub refresh_token: String,
    /// Used up.
    pub code: String,
}

impl Stack<'_> {
    /// The user with this address.
    #[must_use]
    pub fn user(&self, address: &str) -> User<'_> {
        User { stack: self, address: address.to_owned() }
    }

    /// Waits until a login of a new address is answered 200, and its mail has come.
    pub async fn wait_sign_in(&self, address: &str) {
        eventually(format!("a login at {}", self.name), deadline::SERVER, async || {
            let answer = self.user(address).request_code().await;
            seen(answer.status == 200, || format!("{answer:?}"))
        })
        .await;
        self.case.mailed_code(address, 1).await;
    }
}

/// Sends a request again while it is answered 503, as a client does that reads `Retry-After`: after a restart each pod of
/// user-service finds the server for itself.
pub async fn served(what: &str, mut request: impl AsyncFnMut() -> Answer) -> Answer {
    eventually(format!("an answer other than 503 to {what}"), deadline::SERVER, async || {
        let answer = request().await;
        if answer.status == 503 { Err(format!("{answer:?}")) } else { Ok(answer) }
    })
    .await
}

impl User<'_> {
    /// Asks for a code, whatever the answer.
    pub async fn request_code(&self) -> Answer {
        self.stack
            .case
            .post(&format!("{}/api/v1/login", self.stack.url()), json!({ "email": self.address }))
            .await
    }

    /// Asks for a code, and waits for its mail.
    pub async fn mailed_code(&self) -> String {
        let before = self.stack.case.mails_to(&self.address).await.len();
        let answer = self.request_code().await;
        assert_eq!(answer.status, 200, "the login of {} was refused: {answer:?}", self.address);
        let message = answer.body["message"].as_str().unwrap_or_default();
        assert!(message.contains("OTP has been sent"), "the login of {}: {answer:?}", self.address);
        self.stack.case.mailed_code(&self.address, before + 1).await
    }

    /// Tries a code, whatever the answer.
    pub async fn verify(&self, code: &str) -> Answer {
        let body = json!({ "email": self.address, "otp": code });
        self.stack.case.post(&format!("{}/api/v1/verify-otp", self.stack.url()), body).await
    }

    /// Signs in: login, mail, code.
    pub async fn sign_in(&self) -> Session {
        let code = self.mailed_code().await;
        // A 503 asks for the same request again: Redis may be slow for a moment on a busy machine.
        let answer = eventually(format!("an answer to {}", self.address), deadline::MAIL, async || {
            let answer = self.verify(&code).await;
            seen(answer.status != 503, || format!("{answer:?}"))?;
            Ok(answer)
        })
        .await;
        assert_eq!(answer.status, 200, "the code of {} was refused: {answer:?}", self.address);
        self.session(&answer, code)
    }

    /// Signs in at a stack whose parts were restarted: a request that fails is sent again.
    pub async fn sign_in_eventually(&self) -> Session {
        self.stack.wait_sign_in(&self.address).await;
        let code = self.stack.case.mailed_code(&self.address, 1).await;
        let answer = eventually(format!("a token for {}", self.address), deadline::SERVER, async || {
            let answer = self.verify(&code).await;
            seen(answer.status == 200, || format!("{answer:?}"))?;
            Ok(answer)
        })
        .await;
        self.session(&answer, code)
    }

    fn session(&self, answer: &Answer, code: String) -> Session {
        assert!(answer.body["token"].is_string(), "{} got no token: {answer:?}", self.address);
        let token = answer.body["refresh_token"].as_str();
        let refresh_token = token.unwrap_or_else(|| panic!("{} got no session", self.address)).to_owned();
        let id = answer.body["user"]["_id"].as_str();
        let user_id = id.unwrap_or_else(|| panic!("{} got no id", self.address)).to_owned();
        Session { user_id, refresh_token, code }
    }

    /// Exchanges the refresh token, which becomes the next one when the answer is 200.
    pub async fn refresh(&self, session: &mut Session) -> Answer {
        let body = json!({ "refresh_token": session.refresh_token });
        let answer = self.stack.case.post(&format!("{}/api/v1/token/refresh", self.stack.url()), body).await;
        if let Some(next) = answer.body["refresh_token"].as_str() {
            next.clone_into(&mut session.refresh_token);
        }
        answer
    }
}
