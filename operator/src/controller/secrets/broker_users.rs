//! Which generation of broker users is in use.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use ping_contract::users::Role;

use super::{
    BROKER_ROLES, BrokerUsers,
    planner::{Planner, Value, Wanted},
};
use crate::{
    names::{Part, ROTATION_ANNOTATION, Slot},
    secret_values::{password_key, salt_key},
};

impl Planner<'_> {
    /// The generation in use, and the one before, which some pod may still use.
    pub(super) fn broker_users(&mut self) -> (BrokerUsers, Option<BrokerUsers>) {
        let existing = Slot::ALL.map(|slot| self.existing(slot));
        let [a, b] = &existing;
        let made_for = |users: &BrokerUsers| users.secret.annotations().get(ROTATION_ANNOTATION).cloned();
        let rotation = &self.stack.rotations.broker_passwords;
        let wanted = |users: &&BrokerUsers| made_for(users).unwrap_or_default() == *rotation;
        let slot = match existing.iter().flatten().find(wanted) {
            Some(users) => users.slot,
            None => match (a, b) {
                (None, None) => Slot::A,
                (Some(only), None) | (None, Some(only)) => only.slot.other(),
                // A rotation asked for in the middle of another waits for that to end.
                (Some(a), Some(b)) if newer(&a.secret, &b.secret) => Slot::A,
                (Some(_), Some(_)) => Slot::B,
            },
        };
        let old = existing.into_iter().flatten().find(|users| users.slot != slot);
        (BrokerUsers { slot, secret: self.users_secret(slot) }, old)
    }

    fn existing(&self, slot: Slot) -> Option<BrokerUsers> {
        let secret = self.present(&self.stack.id.broker_users_secret(slot))?;
        Some(BrokerUsers { slot, secret: Arc::clone(secret) })
    }

    fn users_secret(&mut self, slot: Slot) -> Arc<Secret> {
        let roles = BROKER_ROLES.into_iter().map(Role::name);
        let values =
            roles.flat_map(|role| [(password_key(role), Value::Password), (salt_key(role), Value::Salt)]);
        let rotation = (ROTATION_ANNOTATION.to_owned(), self.stack.rotations.broker_passwords.clone());
        let name = self.stack.id.broker_users_secret(slot);
        let wanted = Wanted::new(name, Part::RabbitMq, values.collect());
        self.secret(Wanted { annotations: BTreeMap::from([rotation]), ..wanted })
    }
}

fn newer(a: &Secret, b: &Secret) -> bool {
    a.metadata.creation_timestamp > b.metadata.creation_timestamp
}
