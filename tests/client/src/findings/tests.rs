use super::*;
use crate::ledger::Answers;

fn signed_in(address: &str) -> SignIn {
    SignIn {
        address: address.to_owned(),
        logins: 1,
        confirmed: 1,
        code: CodeOutcome::Used,
        session: SessionOutcome::Alive { refreshes: 1 },
    }
}

fn mail(address: &str, message_id: &str, code: &str) -> Mail {
    Mail { address: address.to_owned(), message_id: message_id.to_owned(), code: code.to_owned() }
}

fn findings(sign_ins: Vec<SignIn>, mails: Vec<Mail>) -> Findings {
    Findings::of(&Ledger { sign_ins, mails, answers: Answers::default() })
}

#[test]
fn a_sign_in_with_its_mail_and_session_is_clean() {
    let found = findings(vec![signed_in("a@x.org")], vec![mail("a@x.org", "1", "111111")]);
    assert!(found.is_clean(), "{found}");
}

#[test]
fn a_confirmed_login_without_a_mail_is_a_lost_mail() {
    let found = findings(vec![signed_in("a@x.org")], vec![]);
    assert_eq!(found.lost_mails, ["a@x.org (1 confirmed, 0 mailed)"]);
}

#[test]
fn two_confirmed_logins_need_two_different_mails() {
    let twice = SignIn { logins: 2, confirmed: 2, ..signed_in("a@x.org") };
    let copies = vec![mail("a@x.org", "1", "111111"), mail("a@x.org", "1", "111111")];
    let found = findings(vec![twice], copies);
    assert_eq!((found.lost_mails.len(), found.copies), (1, 1));
}

#[test]
fn a_copy_is_allowed_only_with_the_same_code() {
    let same = vec![mail("a@x.org", "1", "111111"), mail("a@x.org", "1", "111111")];
    let other = vec![mail("a@x.org", "1", "111111"), mail("a@x.org", "1", "222222")];
    let allowed = findings(vec![signed_in("a@x.org")], same);
    assert!(allowed.is_clean() && allowed.copies == 1, "{allowed}");
    assert_eq!(findings(vec![signed_in("a@x.org")], other).changed_copies, ["a@x.org"]);
}

#[test]
fn a_second_mail_for_one_login_is_invented_and_so_is_one_to_a_stranger() {
    let mails =
        vec![mail("a@x.org", "1", "111111"), mail("a@x.org", "2", "222222"), mail("b@x.org", "3", "3")];
    let found = findings(vec![signed_in("a@x.org")], mails);
    assert_eq!(found.invented_mails, ["a@x.org (1 requested, 2 mailed)", "b@x.org"]);
}

#[test]
fn a_mail_of_an_unconfirmed_login_is_allowed() {
    let retried = SignIn { logins: 2, ..signed_in("a@x.org") };
    let mails = vec![mail("a@x.org", "1", "111111"), mail("a@x.org", "2", "222222")];
    assert!(findings(vec![retried], mails).is_clean());
}

#[test]
fn lost_sessions_and_codes_used_twice_are_named() {
    let lost =
        SignIn { session: SessionOutcome::Lost { refreshes: 3, unanswered: 0 }, ..signed_in("a@x.org") };
    let twice = SignIn { code: CodeOutcome::UsedTwice, ..signed_in("b@x.org") };
    let mails = vec![mail("a@x.org", "1", "111111"), mail("b@x.org", "2", "222222")];
    let found = findings(vec![lost, twice], mails);
    assert!(!found.is_clean());
    let text = found.to_string();
    assert!(text.contains("LOST SESSIONS 1: a@x.org (after 3 refreshes, 0 without an answer)"), "{text}");
    assert!(text.contains("CODES USED TWICE 1: b@x.org"), "{text}");
}

#[test]
fn five_entries_of_a_kind_are_named_and_the_rest_is_counted() {
    let found = findings((0..9).map(|n| signed_in(&format!("{n}@x.org"))).collect(), vec![]);
    let text = found.to_string();
    assert!(
        text.contains("LOST MAILS 9: 0@x.org") && text.contains(", …") && !text.contains("5@x.org"),
        "{text}"
    );
}
