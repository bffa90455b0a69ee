//! Keys that are deleted, or replaced by others than the operator.

use super::{
    super::{KEY, NEXT_KEY, draw},
    Sealed,
};

/// Deleted, without its values, with a value that is no key, and with an older Secret from a backup.
#[test]
fn whatever_becomes_of_the_secret_nobody_seals_under_a_key_that_mail_service_may_lack() {
    type Loss = fn(&mut Sealed);
    let losses: [(&str, Loss); 4] = [
        ("deleted", |sealed| drop(sealed.stack.own_secrets.remove("demo-mail-keys"))),
        ("emptied", |sealed| sealed.edit(|secret| secret.data = None)),
        ("no key", |sealed| {
            sealed.edit(|secret| secret.data.as_mut().unwrap().get_mut(KEY).unwrap().0.truncate(40));
        }),
        ("another key", |sealed| {
            sealed.edit(|secret| {
                secret.data.as_mut().unwrap().insert(KEY.to_owned(), draw([99; 32]));
            });
        }),
    ];
    for (name, lose) in losses {
        let mut sealed = Sealed::on();
        let lost = sealed.seals_under();
        lose(&mut sealed);
        assert_eq!((sealed.seals_under(), sealed.published()), (None, None), "{name}");
        assert!(sealed.opens_with().is_some_and(|new| Some(new) != lost), "{name}");
        while sealed.reconcile(false, true) {}
        assert_eq!(sealed.seals_under(), None, "{name}");
        assert!(sealed.reconcile(true, true), "{name}");
        assert_eq!(sealed.seals_under(), sealed.opens_with(), "{name}");
        assert!(sealed.seals_under().is_some_and(|new| Some(new) != lost), "{name}");
    }
}

#[test]
fn a_new_key_that_is_lost_in_the_middle_of_its_rotation_leaves_the_old_one_in_use() {
    let mut sealed = Sealed::on();
    let old = sealed.seals_under();
    sealed.rotate("1");
    sealed.reconcile(true, true);
    sealed.reconcile(true, true);
    assert_ne!(sealed.seals_under(), old);
    sealed.edit(|secret| drop(secret.data.as_mut().unwrap().remove(NEXT_KEY)));
    assert_eq!((sealed.opens_with(), sealed.seals_under()), (old.clone(), None));
    assert!(sealed.reconcile(true, true));
    assert_eq!(sealed.seals_under(), old);
}
