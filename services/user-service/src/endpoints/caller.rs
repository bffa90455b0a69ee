//! Who calls: the bearer of a good token whose session has not ended.

use axum::http::{HeaderMap, StatusCode};

use super::App;
use crate::{
    http::{bearer, problem::Problem},
    sessions::LiveSession,
    tokens::Identity,
};

impl App {
    /// The caller, for an endpoint that shows something; 401 for anyone else.
    pub(super) async fn identify(&self, headers: &HeaderMap) -> Result<Identity, Problem> {
        self.admit(bearer::token(headers).ok_or(Problem::no_token())?).await
    }

    /// The same where no token is needed: `None` without one, and with one that is not accepted.
    pub(super) async fn identify_if_good(&self, headers: &HeaderMap) -> Result<Option<Identity>, Problem> {
        match self.identify(headers).await {
            Ok(identity) => Ok(Some(identity)),
            Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Whose token this is. Asks Redis whether the session has ended where `AUTHZ_CHECK_SESSION` is on.
    pub(super) async fn admit(&self, token: &str) -> Result<Identity, Problem> {
        let identity = self.parts.tokens.verify(token).map_err(|_| Problem::invalid_token())?;
        if self.parts.options.check_session {
            self.live_session(&identity).await?;
        }
        Ok(identity)
    }

    /// The caller, for an endpoint that signs tokens or ends sessions: Redis is asked whatever the setting says.
    pub(super) async fn identify_live(&self, headers: &HeaderMap) -> Result<Identity, Problem> {
        let identity = bearer::identify(&self.parts.tokens, headers)?;
        self.live_session(&identity).await?;
        Ok(identity)
    }

    /// The session of a token. 401 if it has ended or is not the user's; `None` for tokens without sessions.
    pub(super) async fn live_session(&self, identity: &Identity) -> Result<Option<LiveSession>, Problem> {
        let (Some(sessions), Some(session)) = (&self.parts.sessions, &identity.session) else {
            return Ok(None);
        };
        let live = sessions.live(session, &identity.user.id).await;
        let live = live.map_err(|error| self.unavailable("ask for a session", &error))?;
        live.map(Some).ok_or(Problem::invalid_token())
    }
}
