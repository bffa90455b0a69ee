//! The stack's own Secrets, pure: which exist, which values are missing, and which generations are in use.
//!
//! A Secret is never applied over: applying without its data would empty it. A value that is there is never replaced because
//! another is missing. A value that is missing is drawn, so deleting one is how a user asks for a new one; the exception is the
//! secret of user ids ([`user_ids`]), which lies in two places. [`rotation`] and [`mail_keys`] say which step comes next.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use ping_contract::{redis_users, users::Role};

use crate::{
    controller::{
        entropy::Entropy,
        validate::{BrokerTarget, RedisTarget, ValidatedStack},
    },
    names::{Part, Slot},
    secret_values::password_key,
};

mod broker_users;
mod change;
pub mod mail_keys;
mod planner;
pub mod rotation;
mod user_ids;

pub use change::SecretChange;
pub use user_ids::{USER_ID_KEY, UserIds};

use planner::{Planner, Value, Wanted};

/// The Redis users, each with a password in the Secret.
pub const REDIS_USERS: [&str; 3] = [redis_users::USER_SERVICE, redis_users::MAIL_SERVICE, redis_users::PROBE];

/// The broker roles that a stack has users for.
pub const BROKER_ROLES: [Role; 3] = [Role::UserService, Role::MailService, Role::Monitor];

/// The administrator of a managed broker.
pub const BROKER_ADMIN: &str = "ping-operator";

/// The key of the cookie by which brokers know each other.
pub const ERLANG_COOKIE: &str = "erlang-cookie";

/// The stack's own Secrets, as they will be.
#[derive(Debug, Clone)]
pub struct StackSecrets {
    /// Redis' passwords, if Redis is managed.
    pub redis: Option<Arc<Secret>>,
    /// Administrator and cookie, if the broker is managed.
    pub broker: Option<Arc<Secret>>,
    pub broker_users: BrokerUsers,
    /// The broker users of the rotation before, which some pod may still use.
    pub retiring: Option<BrokerUsers>,
    /// Signing keys and peppers.
    pub user_service: Arc<Secret>,
    /// What users' ids follow from.
    pub user_ids: UserIds,
    /// The keys of sealed mails.
    pub mail_keys: mail_keys::MailKeys,
    /// Those of the above that do not exist yet.
    pub missing: Vec<Secret>,
    /// What must be written into those that exist.
    pub changes: Vec<SecretChange>,
    /// Which signing key and pepper the stack wants.
    pub rotations: rotation::Wanted,
}

/// One generation of broker users.
#[derive(Debug, Clone)]
pub struct BrokerUsers {
    pub slot: Slot,
    /// Their passwords.
    pub secret: Arc<Secret>,
}

/// Works out the stack's own Secrets; new values come from `entropy`.
#[must_use]
pub fn plan(stack: &ValidatedStack, entropy: &Entropy) -> StackSecrets {
    let mut planner = Planner::new(stack, entropy);
    let redis = matches!(stack.redis, RedisTarget::Managed(_)).then(|| {
        let values = REDIS_USERS.into_iter().map(|user| (password_key(user), Value::Password));
        planner.secret(Wanted::new(stack.id.part(Part::Redis), Part::Redis, values.collect()))
    });
    let broker = matches!(stack.broker, BrokerTarget::Managed(_)).then(|| {
        let values = [("password", Value::Password), ("salt", Value::Salt), (ERLANG_COOKIE, Value::Password)];
        let values = values.map(|(key, value)| (key.to_owned(), value));
        planner.secret(Wanted::new(stack.id.part(Part::RabbitMq), Part::RabbitMq, values.to_vec()))
    });
    let user_ids = user_ids::plan(&mut planner);
    let rotations = rotation::Wanted::of(stack);
    let user_service = user_service(&mut planner, &user_ids, &rotations);
    let mail_keys = mail_keys::plan(&mut planner);
    let (broker_users, retiring) = planner.broker_users();
    StackSecrets {
        redis,
        broker,
        broker_users,
        retiring,
        user_service,
        user_ids,
        mail_keys,
        missing: planner.missing,
        changes: planner.changes,
        rotations,
    }
}

/// Signing key and pepper, and a copy of the secret of user ids: pods of an older template read it there, and so does an
/// operator of an earlier release, which would redraw all three if it were missing.
fn user_service(planner: &mut Planner<'_>, user_ids: &UserIds, rotations: &rotation::Wanted) -> Arc<Secret> {
    let values = [
        (rotation::SIGNING_KEY, Value::SigningKey),
        (rotation::PEPPER, Value::Password),
        (USER_ID_KEY, Value::Copy(user_ids.value.clone())),
    ];
    let values = values.map(|(key, value)| (key.to_owned(), value)).to_vec();
    let name = planner.stack.id.part(Part::UserService);
    let wanted =
        Wanted { annotations: rotations.annotations(), ..Wanted::new(name, Part::UserService, values) };
    planner.secret(wanted)
}

#[cfg(test)]
mod tests;
