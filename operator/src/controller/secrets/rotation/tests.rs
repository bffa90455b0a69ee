use std::{collections::BTreeSet, sync::Arc};

use k8s_openapi::{
    api::core::v1::Secret,
    jiff::{SignedDuration, Timestamp},
};

use super::{NEXT_PEPPER, NEXT_SIGNING_KEY, PEPPER, Peppers, Progress, SIGNING_KEY, Wanted};
use crate::{
    controller::{
        entropy::Entropy,
        secrets::{USER_ID_KEY, plan},
    },
    fixtures::{self, FULL, MINIMAL},
    secret_values::text,
};

/// The Secret of a new stack, and the clock.
struct Rotating {
    secret: Arc<Secret>,
    wanted: Wanted,
    now: Timestamp,
    draws: u8,
}

impl Rotating {
    fn new() -> Self {
        let secrets = plan(&fixtures::validated(MINIMAL), &fixtures::entropy());
        Self { secret: secrets.user_service, wanted: secrets.rotations, now: Timestamp::UNIX_EPOCH, draws: 0 }
    }

    fn want(&mut self, signing_key: &str, pepper: &str) {
        self.wanted.signing_key = Some(signing_key.to_owned());
        self.wanted.pepper = pepper.to_owned();
    }

    /// Takes a step, if there is one, and checks what must hold after each. Whether there was one.
    fn step(&mut self, rolled: bool) -> bool {
        self.draws += 1;
        let progress = Progress { secret: &self.secret, wanted: &self.wanted, rolled, now: self.now };
        let Some(change) = progress.next_step(&Entropy::fixed([self.draws; 32])) else { return false };
        let user_ids = text(&self.secret, USER_ID_KEY);
        self.secret = Arc::new(change.applied());
        for key in [SIGNING_KEY, PEPPER, USER_ID_KEY] {
            assert!(!self.value(key).is_empty(), "an earlier release redraws all values without {key}");
        }
        assert_eq!(self.value(USER_ID_KEY), user_ids);
        true
    }

    fn pass(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    fn value(&self, key: &str) -> String {
        text(&self.secret, key)
    }

    /// Numbers and values of the peppers that pods get, the current one first.
    fn peppers(&self) -> Vec<(u32, String)> {
        let in_order = Peppers::of(&self.secret).in_order();
        in_order.into_iter().map(|(number, key)| (number, self.value(key))).collect()
    }
}

#[test]
fn without_another_value_of_an_annotation_nothing_rotates() {
    let mut rotating = Rotating::new();
    assert!(!rotating.step(true));
    assert_eq!(rotating.peppers().iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_new_stack_does_not_rotate_for_the_annotations_that_it_begins_with() {
    let mut stack = fixtures::validated(MINIMAL);
    stack.rotations.signing_key = "3".to_owned();
    stack.rotations.pepper = "4".to_owned();
    let secrets = plan(&stack, &fixtures::entropy());
    let progress = Progress {
        secret: &secrets.user_service,
        wanted: &secrets.rotations,
        rolled: true,
        now: Timestamp::UNIX_EPOCH,
    };
    assert_eq!(progress.next_step(&fixtures::entropy()), None);
}

/// Published ten minutes before it signs; the old key goes when its last token is dead (15 min) and everybody knows.
#[test]
fn a_new_signing_key_stands_beside_the_old_one_until_no_token_of_that_one_can_live() {
    let mut rotating = Rotating::new();
    let old = rotating.value(SIGNING_KEY);
    rotating.want("1", "");
    assert!(!rotating.step(false), "pods of an older template do not look for a second key");
    assert!(rotating.step(true));
    let new = rotating.value(NEXT_SIGNING_KEY);
    assert!(new.starts_with("-----BEGIN PRIVATE KEY-----") && new != old);
    assert_eq!(rotating.value(SIGNING_KEY), old);
    rotating.pass(35 * 60 - 1);
    assert!(!rotating.step(true));
    rotating.pass(1);
    assert!(rotating.step(false));
    assert_eq!((rotating.value(SIGNING_KEY), rotating.value(NEXT_SIGNING_KEY)), (new, String::new()));
    assert!(!rotating.step(true), "it is over");
}

#[test]
fn a_rotation_in_the_middle_of_another_waits_for_its_end() {
    let mut rotating = Rotating::new();
    rotating.want("1", "1");
    assert!(rotating.step(true));
    let first = (rotating.value(NEXT_SIGNING_KEY), rotating.value(NEXT_PEPPER));
    rotating.want("2", "2");
    let mut keys = BTreeSet::from([rotating.value(SIGNING_KEY), first.0.clone()]);
    let mut peppers = BTreeSet::from([rotating.value(PEPPER), first.1.clone()]);
    for _ in 0..60 {
        rotating.pass(120);
        rotating.step(true);
        keys.insert(rotating.value(SIGNING_KEY));
        peppers.insert(rotating.value(PEPPER));
    }
    assert_eq!((keys.len(), peppers.len()), (3, 3), "each rotation ended, and then the next one did");
    assert_eq!(rotating.peppers().iter().map(|(number, _)| *number).collect::<Vec<_>>(), [3]);
}

#[test]
fn a_new_pepper_is_accepted_by_all_pods_before_one_uses_it_and_the_old_one_for_a_codes_life_after() {
    let mut rotating = Rotating::new();
    let old = (1, rotating.value(PEPPER));
    rotating.want("", "1");
    assert!(rotating.step(true));
    let new = (2, rotating.value(NEXT_PEPPER));
    assert_eq!(rotating.peppers(), [old.clone(), new.clone()]);
    assert!(!rotating.step(false), "some pod does not accept the new one yet");
    assert!(rotating.step(true));
    assert_eq!(rotating.peppers(), [new.clone(), old.clone()]);
    rotating.pass(10_000);
    assert!(!rotating.step(false), "some pod still uses the old one");
    assert!(rotating.step(true), "the life of its last code begins");
    rotating.pass(5 * 60 + 59);
    assert!(!rotating.step(true));
    rotating.pass(1);
    assert_eq!(rotating.peppers(), [new.clone(), old]);
    assert!(rotating.step(true));
    assert_eq!(rotating.peppers(), std::slice::from_ref(&new));
    assert_eq!(rotating.value(NEXT_PEPPER), new.1, "a container of the old template may still start");
    assert!(!rotating.step(false));
    assert!(rotating.step(true));
    assert_eq!((rotating.peppers(), rotating.value(NEXT_PEPPER)), (vec![new], String::new()));
    assert!(!rotating.step(true), "it is over");
}

#[test]
fn a_pepper_that_is_deleted_in_the_middle_of_a_rotation_leaves_one_that_can_be_used() {
    let mut rotating = Rotating::new();
    rotating.want("", "1");
    rotating.step(true);
    rotating.step(true);
    let mut secret = (*rotating.secret).clone();
    secret.data.as_mut().unwrap().remove(NEXT_PEPPER);
    rotating.secret = Arc::new(secret);
    assert_eq!(rotating.peppers(), [(1, rotating.value(PEPPER))]);
    rotating.want("", "2");
    assert!(rotating.step(true));
    assert_eq!(rotating.peppers().iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_signing_key_of_the_spec_is_left_to_its_owner() {
    let stack = fixtures::validated(FULL);
    assert!(stack.spec.tokens.jwt_secret_ref.is_some());
    assert_eq!(Wanted::of(&stack).signing_key, None);
}
