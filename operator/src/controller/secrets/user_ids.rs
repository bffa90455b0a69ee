//! The secret that users' ids follow from without a directory. Another value gives every user another id, so it has a Secret
//! of its own, which stays when the stack is deleted, unless `retentionPolicy` says otherwise.

use std::sync::Arc;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use pingstack_crd::{RetentionPolicy, references::SecretKeyRef};

use super::planner::{Planner, Value, Wanted};
use crate::{names::Part, secret_values::value};

/// Its key in the stack's own Secrets.
pub const USER_ID_KEY: &str = "user-id-secret";

/// Where the secret is, and what it is. `Debug` does not print it.
#[derive(Clone)]
pub struct UserIds {
    /// Where user-service reads it.
    pub reference: SecretKeyRef,
    /// The secret.
    pub value: ByteString,
    /// The stack's own Secret, if there is one.
    pub secret: Option<Arc<Secret>>,
}

impl std::fmt::Debug for UserIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserIds").field("reference", &self.reference).finish_non_exhaustive()
    }
}

/// The spec's secret, or the stack's own: as it is, else a copy of the one in the Secret of user-service, where earlier
/// releases have it alone, else a new one.
pub(super) fn plan(planner: &mut Planner<'_>) -> UserIds {
    let name = planner.stack.id.user_ids_secret();
    if let (Some(reference), Some(brought)) =
        (&planner.stack.spec.users.id_secret_ref, &planner.stack.user_id_secret)
    {
        // A Secret of the stack's own stays: the spec may leave the field out again.
        let secret = planner.present(&name).cloned();
        return UserIds { reference: reference.clone(), value: brought.clone(), secret };
    }
    let copy = planner
        .present(&planner.stack.id.part(Part::UserService))
        .and_then(|secret| value(secret, USER_ID_KEY));
    let drawn_or_copied = copy.cloned().map_or(Value::Password, Value::Copy);
    let present = planner.present(&name).and_then(|secret| value(secret, USER_ID_KEY));
    let values = vec![(USER_ID_KEY.to_owned(), present.cloned().map_or(drawn_or_copied, Value::Copy))];
    let owned = planner.stack.spec.retention_policy == RetentionPolicy::Delete;
    let secret = planner.secret(Wanted { owned, ..Wanted::new(name.clone(), Part::UserService, values) });
    UserIds {
        reference: SecretKeyRef { name, key: USER_ID_KEY.to_owned() },
        value: value(&secret, USER_ID_KEY).cloned().unwrap_or_default(),
        secret: Some(secret),
    }
}

#[cfg(test)]
mod tests;
