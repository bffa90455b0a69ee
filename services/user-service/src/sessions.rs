//! Sessions: a sign-in on one device, kept alive by refresh tokens until its absolute end, seen and ended by its owner.
//!
//! A refresh token is worth one new token and one new refresh token. Redis holds hashes only. A token that was
//! rotated away within the last [`GRACE`] gets the same successor again, since its answer may have been lost; an older
//! one was copied by somebody, and ends the session for both.

use std::{sync::Arc, time::Duration};

use ping_contract::keys;
use redis::Value;

use crate::{
    accounts::User,
    random::{NoRandomness, random_bytes},
    redis::{RedisConnection, StoreError},
    tokens::SessionRef,
};

mod answer;
mod refresh_token;
mod scripts;

pub use refresh_token::RefreshToken;

use answer::Fields;

/// A session ends this long after its sign-in, whatever is refreshed.
pub const LIFE: Duration = Duration::from_hours(30 * 24);

/// How long a rotated refresh token gets the same successor.
pub const GRACE: Duration = Duration::from_secs(10);

/// A person's sessions; one more ends the oldest.
pub const MAX_SESSIONS: u32 = 50;

/// Sessions in Redis. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Sessions {
    redis: RedisConnection,
    scripts: Arc<scripts::Scripts>,
}

/// Why a session could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Redis.
    #[error("redis gave no usable answer")]
    Store(#[from] StoreError),
    /// The operating system.
    #[error("no random numbers for a session")]
    NoRandomness(#[from] NoRandomness),
}

/// Whose session it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The session.
    pub session: SessionRef,
    /// The person, as they were called at the sign-in.
    pub user: User,
}

/// What became of a refresh.
#[derive(Debug)]
pub enum Rotation {
    /// The next refresh token of the session.
    Rotated(RefreshToken),
    /// No such session any more.
    Unknown,
    /// A token from before the last one: the session is ended.
    Reused,
}

/// A session as its owner sees it. Times are Unix milliseconds on Redis' clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// 32 hex digits.
    pub id: String,
    /// The sign-in.
    pub created_ms: i64,
    /// The last refresh.
    pub used_ms: i64,
    /// The end.
    pub expires_ms: i64,
    /// What the client called itself at the sign-in.
    pub user_agent: String,
}

impl Sessions {
    /// Over a connection that somebody keeps.
    #[must_use]
    pub fn new(redis: RedisConnection) -> Self {
        Self { redis, scripts: Arc::new(scripts::Scripts::new()) }
    }

    /// Begins a session.
    pub async fn start(
        &self,
        user: &User,
        user_agent: &str,
    ) -> Result<(SessionRef, RefreshToken), SessionError> {
        let token = RefreshToken::from_bytes(random_bytes()?);
        let id = token.session_id();
        let mut call = self.scripts.start.prepare_invoke();
        call.key(keys::session(&id)).key(keys::sessions_of(&user.id));
        call.arg(&id).arg(&user.id).arg(&user.name).arg(&user.email).arg(user_agent);
        call.arg(token.family_hash()).arg(token.hash()).arg(millis(LIFE)).arg(MAX_SESSIONS);
        let now_ms = self.redis.invoke::<u64>(&call).await?;
        Ok((SessionRef { id, auth_time: now_ms / 1000 }, token))
    }

    /// Whose token this is; `None` for one that no session knows. Changes nothing.
    pub async fn owner(&self, token: &RefreshToken) -> Result<Option<Owner>, SessionError> {
        let mut call = self.scripts.owner.prepare_invoke();
        call.key(keys::session(&token.session_id())).arg(token.family_hash());
        let answer = self.redis.invoke::<Vec<Value>>(&call).await?;
        if answer.is_empty() {
            return Ok(None);
        }
        let mut fields = Fields::new(&answer);
        let user = User::new(fields.text()?, fields.text()?, fields.text()?);
        let auth_time = fields.number()?.unsigned_abs() / 1000;
        Ok(Some(Owner { session: SessionRef { id: token.session_id(), auth_time }, user }))
    }

    /// Exchanges a refresh token for the next one.
    pub async fn rotate(&self, token: &RefreshToken) -> Result<Rotation, SessionError> {
        let nonce = random_bytes::<32>()?;
        let next = token.successor(&nonce);
        let mut call = self.scripts.rotate.prepare_invoke();
        call.key(keys::session(&token.session_id()));
        call.arg(token.session_id()).arg(token.family_hash()).arg(token.hash());
        call.arg(next.hash()).arg(hex::encode(nonce)).arg(millis(GRACE));
        let answer = self.redis.invoke::<Vec<Value>>(&call).await?;
        let mut fields = Fields::new(&answer);
        Ok(match fields.text()?.as_str() {
            "rotated" => Rotation::Rotated(next),
            "again" => {
                let nonce = hex::decode(fields.text()?).map_err(|_| StoreError::Answer)?;
                Rotation::Rotated(token.successor(&nonce))
            }
            "reused" => Rotation::Reused,
            "unknown" => Rotation::Unknown,
            _ => return Err(StoreError::Answer.into()),
        })
    }

    /// All sessions of a person, the newest first.
    pub async fn list(&self, user_id: &str) -> Result<Vec<Session>, SessionError> {
        let mut call = self.scripts.list.prepare_invoke();
        call.key(keys::sessions_of(user_id));
        let rows = self.redis.invoke::<Vec<Vec<Value>>>(&call).await?;
        let session = |row: &Vec<Value>| {
            let mut fields = Fields::new(row);
            Ok(Session {
                id: fields.text()?,
                created_ms: fields.number()?,
                used_ms: fields.number()?,
                expires_ms: fields.number()?,
                user_agent: fields.text()?,
            })
        };
        rows.iter().map(session).collect()
    }

    /// Ends one session of this person. `false`: they have no such session.
    pub async fn end(&self, user_id: &str, session_id: &str) -> Result<bool, SessionError> {
        self.end_if(session_id, "user", user_id).await
    }

    /// Ends the session of a refresh token, whichever of its tokens it is.
    pub async fn end_of(&self, token: &RefreshToken) -> Result<bool, SessionError> {
        self.end_if(&token.session_id(), "family", &token.family_hash()).await
    }

    /// Ends all sessions of a person; answers how many there were.
    pub async fn end_all(&self, user_id: &str) -> Result<u32, SessionError> {
        let mut call = self.scripts.end_all.prepare_invoke();
        call.key(keys::sessions_of(user_id));
        Ok(self.redis.invoke::<u32>(&call).await?)
    }

    async fn end_if(&self, id: &str, field: &str, is: &str) -> Result<bool, SessionError> {
        let mut call = self.scripts.end.prepare_invoke();
        call.key(keys::session(id)).arg(id).arg(field).arg(is);
        Ok(self.redis.invoke::<bool>(&call).await?)
    }
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}
