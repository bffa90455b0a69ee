use std::sync::Arc;

use k8s_openapi::{
    api::core::v1::Secret,
    jiff::{SignedDuration, Timestamp},
};
use kube::ResourceExt;

use super::{KEY, MailKeys, NEXT_KEY, NextStep, Progress, PublicHalf, WITHDRAWN};
use crate::{
    controller::{
        entropy::Entropy,
        secrets::{SecretChange, StackSecrets, plan, tests::after_creation},
        validate::ValidatedStack,
    },
    fixtures::{self, MINIMAL},
    secret_values::text,
};

mod lost_keys;
mod no_mail_is_lost;

/// The life of a code in the sample, and two minutes.
const UNUSED: i64 = 5 * 60 + 120;

/// A stack, and the clock.
struct Sealed {
    stack: ValidatedStack,
    now: Timestamp,
    draws: u64,
}

impl Sealed {
    /// A stack whose mails are not sealed.
    fn off() -> Self {
        let stack = after_creation(fixtures::validated(MINIMAL));
        Self { stack, now: Timestamp::UNIX_EPOCH, draws: 0 }
    }

    /// A stack that seals all mails.
    fn on() -> Self {
        let mut sealed = Self::off();
        sealed.want(true);
        sealed.reconcile(false, false);
        assert!(sealed.reconcile(true, false), "user-service begins");
        sealed
    }

    fn want(&mut self, sealing: bool) {
        self.stack.spec.mail.sealing.enabled = sealing;
    }

    fn rotate(&mut self, rotation: &str) {
        self.stack.rotations.mail_keys = rotation.to_owned();
    }

    fn pass(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    fn entropy(&mut self) -> Entropy {
        self.draws += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.draws.to_le_bytes());
        Entropy::fixed(seed)
    }

    /// What the next pass builds from.
    fn plan(&self) -> StackSecrets {
        plan(&self.stack, &Entropy::fixed([200; 32]))
    }

    fn keys(&self) -> MailKeys {
        self.plan().mail_keys
    }

    fn store(&mut self, secret: Secret) {
        self.stack.own_secrets.insert(secret.name_any(), Arc::new(secret));
    }

    fn edit(&mut self, edit: impl FnOnce(&mut Secret)) {
        let mut secret = (*self.stack.own_secrets["demo-mail-keys"]).clone();
        edit(&mut secret);
        self.store(secret);
    }

    /// A pass: what is missing is written, else the next step is taken. Whether something was written.
    fn reconcile(&mut self, readers_rolled: bool, writers_rolled: bool) -> bool {
        let entropy = self.entropy();
        let secrets = plan(&self.stack, &entropy);
        let written = secrets.missing.into_iter().chain(secrets.changes.iter().map(SecretChange::applied));
        let written = written.collect::<Vec<_>>();
        if !written.is_empty() {
            for secret in written {
                self.store(secret);
            }
            return true;
        }
        let MailKeys { wanted, secret: Some(secret), state: Some(state) } = &secrets.mail_keys else {
            return false;
        };
        let progress = Progress { secret, state, wanted, readers_rolled, writers_rolled, now: self.now };
        match progress.next_step(&entropy) {
            NextStep::Done | NextStep::Wait => return false,
            NextStep::Write { change, .. } => self.store(change.applied()),
            NextStep::Delete => drop(self.stack.own_secrets.remove("demo-mail-keys")),
        }
        true
    }

    /// The ids of the private keys.
    fn private(&self) -> Vec<String> {
        let Some(secret) = self.stack.own_secrets.get("demo-mail-keys") else { return Vec::new() };
        let halves = [KEY, NEXT_KEY].into_iter().filter_map(|name| PublicHalf::of(secret, name));
        halves.map(|half| half.id).collect()
    }

    /// The id of the newest key in the template of mail-service.
    fn opens_with(&self) -> Option<String> {
        self.keys().state?.opens_with().map(str::to_owned)
    }

    /// The id of the key in the template of user-service.
    fn seals_under(&self) -> Option<String> {
        self.keys().state?.seals_under().map(|half| half.id.clone())
    }

    /// The id of the key in the file of user-service.
    fn published(&self) -> Option<String> {
        self.keys().state?.published().map(|half| half.id.clone())
    }
}

#[test]
fn a_stack_that_does_not_ask_for_it_has_no_keys() {
    let mut sealed = Sealed::off();
    assert!(!sealed.reconcile(true, true));
    assert_eq!((sealed.private().len(), sealed.opens_with(), sealed.seals_under()), (0, None, None));
}

#[test]
fn all_of_mail_service_has_the_key_before_user_service_seals() {
    let mut sealed = Sealed::off();
    sealed.want(true);
    assert!(sealed.reconcile(true, true), "the Secret is made");
    let [key] = &sealed.private()[..] else { panic!("one key") };
    assert_eq!((sealed.opens_with().as_ref(), sealed.seals_under()), (Some(key), None));
    assert!(!sealed.reconcile(false, true), "some pod of mail-service lacks the key");
    assert!(sealed.reconcile(true, false));
    assert_eq!(sealed.seals_under().as_ref(), Some(key));
    assert!(!sealed.reconcile(true, true), "it is over");
}

#[test]
fn mail_service_keeps_the_key_for_a_codes_life_and_two_minutes_after_the_last_sealed_mail() {
    let mut sealed = Sealed::on();
    let key = sealed.opens_with();
    sealed.want(false);
    assert!(sealed.reconcile(true, true));
    assert_eq!(
        (sealed.opens_with(), sealed.seals_under(), sealed.published()),
        (key.clone(), None, key.clone())
    );
    sealed.pass(10_000);
    assert!(!sealed.reconcile(true, false), "some pod of user-service still seals");
    assert!(sealed.reconcile(true, true), "the life of its last code begins");
    sealed.pass(UNUSED - 1);
    assert!(!sealed.reconcile(true, true));
    sealed.pass(1);
    assert_eq!(sealed.opens_with(), key);
    assert!(sealed.reconcile(true, true));
    assert_eq!(sealed.opens_with(), None);
    assert!(!sealed.reconcile(false, true), "a pod that has the Secret mounted is left");
    assert_eq!(sealed.private().len(), 1);
    assert!(sealed.reconcile(true, true));
    assert!(sealed.private().is_empty());
    assert!(!sealed.reconcile(true, true), "it is over");
}

#[test]
fn sealing_that_is_turned_on_again_in_the_middle_goes_on_with_the_same_key() {
    let mut sealed = Sealed::on();
    let key = sealed.seals_under();
    sealed.want(false);
    sealed.reconcile(true, true);
    sealed.reconcile(true, true);
    sealed.want(true);
    assert!(sealed.reconcile(true, true));
    assert_eq!(sealed.seals_under(), key);
    sealed.pass(UNUSED);
    assert!(!sealed.reconcile(true, true), "no time of before counts");
    // And once mail-service gives its keys back.
    sealed.want(false);
    while sealed.opens_with().is_some() {
        sealed.pass(UNUSED);
        sealed.reconcile(true, true);
    }
    sealed.want(true);
    assert!(sealed.reconcile(false, true));
    assert_eq!((sealed.opens_with(), sealed.seals_under()), (key.clone(), None));
    assert!(!sealed.reconcile(false, true));
    assert!(sealed.reconcile(true, true));
    assert_eq!(sealed.seals_under(), key);
}

#[test]
fn a_new_key_is_in_all_of_mail_service_before_it_seals_and_the_old_one_stays_for_its_last_mails() {
    let mut sealed = Sealed::on();
    let old = sealed.private().remove(0);
    sealed.rotate("1");
    assert!(sealed.reconcile(false, false));
    let both = sealed.private();
    let new = both[1].clone();
    assert!(both[0] == old && new != old);
    assert_eq!((sealed.opens_with(), sealed.seals_under()), (Some(new.clone()), Some(old)));
    assert!(!sealed.reconcile(false, true), "some pod of mail-service lacks the new key");
    assert!(sealed.reconcile(true, false));
    assert_eq!(sealed.seals_under(), Some(new.clone()));
    assert!(!sealed.reconcile(true, false), "some pod of user-service uses the old key");
    assert!(sealed.reconcile(true, true), "the life of the last code under it begins");
    sealed.pass(UNUSED - 1);
    assert!(!sealed.reconcile(true, true));
    sealed.pass(1);
    assert_eq!(sealed.private(), both);
    assert!(sealed.reconcile(true, true));
    assert_eq!(sealed.private(), std::slice::from_ref(&new));
    assert_eq!((sealed.opens_with(), sealed.seals_under()), (Some(new.clone()), Some(new)), "nothing rolls");
    assert!(!sealed.reconcile(true, true), "it is over");
}

#[test]
fn an_annotation_that_changes_twice_rotates_twice_one_after_the_other() {
    let mut sealed = Sealed::on();
    let first = sealed.private();
    sealed.rotate("1");
    sealed.reconcile(true, true);
    sealed.rotate("2");
    let mut keys = sealed.private();
    for _ in 0..40 {
        sealed.pass(120);
        sealed.reconcile(true, true);
        assert!(sealed.private().len() <= 2);
        keys.extend(sealed.private());
    }
    keys.sort();
    keys.dedup();
    assert_eq!((keys.len(), sealed.private().len()), (3, 1));
    assert!(!sealed.private().contains(&first[0]));
}

#[test]
fn a_new_stack_does_not_rotate_for_the_annotation_that_it_begins_with() {
    let mut sealed = Sealed::off();
    sealed.rotate("3");
    sealed.want(true);
    while sealed.reconcile(true, true) {}
    assert_eq!((sealed.private().len(), sealed.opens_with()), (1, sealed.seals_under()));
}

#[test]
fn a_time_that_cannot_be_read_begins_again() {
    let mut sealed = Sealed::on();
    sealed.want(false);
    sealed.reconcile(true, true);
    sealed
        .edit(|secret| drop(secret.annotations_mut().insert(super::UNUSED_AT.to_owned(), "soon".to_owned())));
    assert!(sealed.reconcile(true, true));
    sealed.pass(UNUSED - 1);
    assert!(!sealed.reconcile(true, true));
}

#[test]
fn the_secret_belongs_to_mail_service_and_holds_a_key_that_it_can_read() {
    let mut sealed = Sealed::off();
    sealed.want(true);
    let missing = sealed.plan().missing;
    assert_eq!(missing.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), ["demo-mail-keys"]);
    assert_eq!(missing[0].labels()["pingstack.dev/part"], "mail-service");
    assert_eq!(missing[0].owner_references().len(), 1);
    assert_eq!(text(&missing[0], KEY).len(), 44, "32 octets in base64");
    assert!(!missing[0].annotations().contains_key(WITHDRAWN));
    assert!(!format!("{:?}", sealed.keys().state).contains(&text(&missing[0], KEY)));
}
