//! Sessions: a sign-in on one device, kept alive by refresh tokens until its absolute end, seen and ended by its owner.
//!
//! A refresh token is worth one new token and one new refresh token. Redis holds hashes only, under a key that Redis never
//! sees ([`LastingPeppers`]). A token that was rotated away within the last [`GRACE`] gets the same successor again, since
//! its answer may have been lost; an older one was copied, and ends the session for both.

use std::{sync::Arc, time::Duration};

use ping_contract::keys;
use redis::Value;
use redis_client::{RedisConnection, StoreError};

use crate::{
    accounts::User,
    peppers::{LastingPeppers, Pepper},
    random::{NoRandomness, random_bytes},
    tokens::SessionRef,
};

mod answer;
mod record;
mod refresh_token;
mod scripts;

pub use record::Record;
pub use refresh_token::RefreshToken;

use answer::Fields;
use record::is_session_id;

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
    peppers: LastingPeppers,
    scripts: Arc<scripts::Scripts>,
}

/// Why a session could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error("redis gave no usable answer")]
    Store(#[from] StoreError),
    #[error("no random numbers for a session")]
    NoRandomness(#[from] NoRandomness),
    /// No pepper.
    #[error("there is no key for the record of a session")]
    NoKey,
}

/// Whose session it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub session: SessionRef,
    /// The person, as they were called at the sign-in.
    pub user: User,
}

/// A session that Redis has just confirmed to be there. Tokens are signed for nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSession(SessionRef);

impl LiveSession {
    /// The session as tokens name it.
    #[must_use]
    pub fn reference(&self) -> &SessionRef {
        &self.0
    }

    /// Its end, in Unix seconds: no token of it lives longer.
    #[must_use]
    pub fn ends_at(&self) -> u64 {
        self.0.auth_time.saturating_add(LIFE.as_secs())
    }
}

/// What became of a refresh.
#[derive(Debug)]
pub enum Rotation {
    /// The next refresh token of the session.
    Rotated(RefreshToken, LiveSession),
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
    pub fn new(redis: RedisConnection, peppers: LastingPeppers) -> Self {
        Self { redis, peppers, scripts: Arc::new(scripts::Scripts::new()) }
    }

    /// Begins a session.
    pub async fn start(
        &self,
        user: &User,
        user_agent: &str,
    ) -> Result<(LiveSession, RefreshToken), SessionError> {
        let token = RefreshToken::from_bytes(random_bytes()?);
        let key = self.peppers.current().ok_or(SessionError::NoKey)?;
        let id = token.session_id();
        let mut call = self.scripts.start.prepare_invoke();
        call.key(keys::session(&id)).key(keys::sessions_of(&user.id));
        call.arg(&id).arg(&user.id).arg(&user.name).arg(&user.email).arg(user_agent);
        call.arg(key.kid()).arg(token.family_mark(Some(&key), user)).arg(token.mark(Some(&key)));
        call.arg(millis(LIFE)).arg(MAX_SESSIONS);
        let now_ms = self.redis.invoke::<u64>(&call).await?;
        Ok((LiveSession(SessionRef { id, auth_time: now_ms / 1000 }), token))
    }

    /// The session of a token; `None` for one that no session knows. Changes nothing.
    pub async fn find(&self, token: &RefreshToken) -> Result<Option<Record>, SessionError> {
        let id = token.session_id();
        let mut read = redis::cmd("HMGET");
        read.arg(keys::session(&id)).arg(&Record::FIELDS[..]);
        let fields = self.redis.query::<Vec<Option<String>>>(&read).await?;
        Ok(Record::read(&id, fields)?.filter(|record| self.is_of(record, token)))
    }

    /// Whether a token is one of the session that a record describes, and the record is ours.
    fn is_of(&self, record: &Record, token: &RefreshToken) -> bool {
        let key = match &record.kid {
            None => None,
            Some(kid) => match self.peppers.find(kid) {
                None => return false, // a key that is not in use any more
                found => found,
            },
        };
        token.family_mark(key.as_ref(), &record.owner.user) == record.family
    }

    /// The session of a token, if it has not ended and belongs to this user.
    pub async fn live(
        &self,
        session: &SessionRef,
        user_id: &str,
    ) -> Result<Option<LiveSession>, SessionError> {
        let mut read = redis::cmd("HMGET");
        read.arg(keys::session(&session.id)).arg("v").arg("user");
        let fields = self.redis.query::<Vec<Option<String>>>(&read).await?;
        let there = matches!(fields.as_slice(), [Some(v), Some(user)] if v == "1" && user == user_id);
        Ok(there.then(|| LiveSession(session.clone())))
    }

    /// Exchanges a refresh token for the next one; `found` is its session as [`Self::find`] has read it. A record that has a
    /// key is under the current one from then on.
    pub async fn rotate(&self, token: &RefreshToken, found: Record) -> Result<Rotation, SessionError> {
        let mut record = found;
        // Another request may put the record under another key in between; it does so once.
        for _ in 0..3 {
            if let Some(rotation) = self.rotate_record(token, record).await? {
                return Ok(rotation);
            }
            let Some(changed) = self.find(token).await? else { return Ok(Rotation::Unknown) };
            record = changed;
        }
        Err(StoreError::Answer.into())
    }

    /// `None` if the record is not as it was read.
    async fn rotate_record(
        &self,
        token: &RefreshToken,
        record: Record,
    ) -> Result<Option<Rotation>, SessionError> {
        let nonce = random_bytes::<32>()?;
        let next = token.successor(&nonce);
        let old = record.kid.as_deref().and_then(|kid| self.peppers.find(kid));
        let new = self.next_key(&record)?;
        let mut call = self.scripts.rotate.prepare_invoke();
        call.key(keys::session(&token.session_id()));
        call.arg(token.session_id()).arg(&record.family).arg(token.mark(old.as_ref()));
        call.arg(new.as_ref().map_or("", Pepper::kid))
            .arg(token.family_mark(new.as_ref(), &record.owner.user))
            .arg(token.mark(new.as_ref()));
        call.arg(next.mark(new.as_ref())).arg(hex::encode(nonce)).arg(millis(GRACE));
        let answer = self.redis.invoke::<Vec<Value>>(&call).await?;
        let mut fields = Fields::new(&answer);
        let live = LiveSession(record.owner.session);
        Ok(Some(match fields.text()?.as_str() {
            "rotated" => Rotation::Rotated(next, live),
            "again" => {
                let nonce = hex::decode(fields.text()?).map_err(|_| StoreError::Answer)?;
                Rotation::Rotated(token.successor(&nonce), live)
            }
            "reused" => Rotation::Reused,
            "unknown" => Rotation::Unknown,
            "changed" => return Ok(None),
            _ => return Err(StoreError::Answer.into()),
        }))
    }

    /// The key of a record after its next refresh: the current one. A record of an earlier version stays as it is, so that
    /// pods of that version go on reading it during an upgrade, and after a rollback.
    fn next_key(&self, record: &Record) -> Result<Option<Pepper>, SessionError> {
        match record.kid {
            None => Ok(None),
            Some(_) => self.peppers.current().map(Some).ok_or(SessionError::NoKey),
        }
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

    /// Ends one session of this user. `false`: they have no such session.
    pub async fn end(&self, user_id: &str, session_id: &str) -> Result<bool, SessionError> {
        // What a client sends may be part of another key, such as that of a user's list.
        if !is_session_id(session_id) {
            return Ok(false);
        }
        let mut call = self.scripts.end.prepare_invoke();
        call.key(keys::session(session_id)).arg(session_id).arg(user_id);
        Ok(self.redis.invoke::<bool>(&call).await?)
    }

    /// Ends the session of a refresh token, whichever of its tokens it is; answers whose it was.
    pub async fn end_of(&self, token: &RefreshToken) -> Result<Option<Owner>, SessionError> {
        let Some(Record { owner, .. }) = self.find(token).await? else { return Ok(None) };
        let ended = self.end(&owner.user.id, &owner.session.id).await?;
        Ok(ended.then_some(owner))
    }

    /// Ends all sessions of a person; answers how many there were.
    pub async fn end_all(&self, user_id: &str) -> Result<u32, SessionError> {
        let mut call = self.scripts.end_all.prepare_invoke();
        call.key(keys::sessions_of(user_id));
        Ok(self.redis.invoke::<u32>(&call).await?)
    }
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}
