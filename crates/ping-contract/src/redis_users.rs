//! Redis users: one per service, with the commands and keys that its work needs, and the ACL file that holds them.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::keys;

/// The user of `user-service`.
pub const USER_SERVICE: &str = "user-service";

/// The user of `mail-service`.
pub const MAIL_SERVICE: &str = "mail-service";

/// The user of a readiness probe: it may ping, and sees no key.
pub const PROBE: &str = "probe";

/// Commands of every connection; `AUTH` needs no permission.
const CONNECTION_COMMANDS: &str = "+ping +client|setinfo";

/// Commands of user-service's scripts: codes in hashes, counters, sessions in sorted sets, expiry. A test compares them
/// with the scripts.
const USER_SERVICE_COMMANDS: &str = "+evalsha +script|load +time \
     +get +set +del +incr +decr +pttl +pexpire +pexpireat +pexpiretime \
     +hget +hset +hmget +hgetall +hdel +hincrby \
     +zadd +zcard +zpopmin +zrange +zrevrange +zrem +zremrangebyscore";

/// Commands of mail-service: the time, and a mark for each mail that was sent.
const MAIL_SERVICE_COMMANDS: &str = "+time +exists +psetex";

/// The user that Redis runs its append-only file as while it starts. It needs every permission: a rejected command is
/// skipped, and the data set starts without what it wrote (Redis 8.0.2). Nobody can log in as a user that is off.
const DEFAULT_USER: &str = "user default off ~* &* +@all\n";

/// An ACL file (`aclfile`) with one user per service, each with the SHA-256 of `password(user)`, and the probe's.
#[must_use]
pub fn acl_file(password: impl Fn(&str) -> String) -> String {
    let is_mail = |prefix: &&str| prefix.starts_with("mail:");
    let (mail, codes): (Vec<&str>, Vec<&str>) = keys::PREFIXES.into_iter().partition(is_mail);
    let user = |name: &str, rules: &str| {
        let hash = hex(&Sha256::digest(password(name)));
        format!("user {name} on #{hash} resetchannels -@all {rules}\n")
    };
    [
        DEFAULT_USER.to_owned(),
        user(PROBE, "+ping"),
        user(USER_SERVICE, &format!("{} {CONNECTION_COMMANDS} {USER_SERVICE_COMMANDS}", patterns(&codes))),
        user(MAIL_SERVICE, &format!("{} {CONNECTION_COMMANDS} {MAIL_SERVICE_COMMANDS}", patterns(&mail))),
    ]
    .concat()
}

fn patterns(prefixes: &[&str]) -> String {
    prefixes.iter().map(|prefix| format!("~{prefix}*")).collect::<Vec<_>>().join(" ")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
