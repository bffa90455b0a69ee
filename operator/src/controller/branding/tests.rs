use mail_templates::Finding;
use pingstack_crd::mail::{Logo, Mail};

use super::{
    Branding, Error, Instead, Verdict,
    checks::Passed,
    choose, files_of,
    source::{Sources, Wanted},
};
use crate::fixtures;

const NAME: &str = "mail-words";

fn mail() -> Mail {
    fixtures::branded().spec.mail
}

fn passed(files: &[(&str, &str)]) -> Passed {
    Passed { files: files_of(files), ..Passed::shipped() }
}

fn read(checked: Result<Passed, Vec<Finding>>) -> Wanted {
    Wanted::Read { name: NAME.to_owned(), checked }
}

fn findings() -> Vec<Finding> {
    let [problem, fix] = ["there is no variable cod", "write code"].map(str::to_owned);
    vec![Finding { file: "code.html".to_owned(), line: Some(1), problem, fix }]
}

/// What is chosen beside these files in use.
fn chosen(wanted: Wanted, last_good: Option<&[(&str, &str)]>) -> Branding {
    choose(&mail(), Sources { wanted, last_good: last_good.map(passed) }).unwrap()
}

fn long_url() -> String {
    format!("https://example.org/{}.png", "a".repeat(5_000))
}

#[test]
fn a_config_map_that_passed_is_used() {
    let branding = chosen(read(Ok(passed(&[("code.txt", "new")]))), Some(&[("code.txt", "old")]));
    assert_eq!(branding.verdict, Verdict::Applied { name: NAME.to_owned() });
    assert_eq!(branding.copy.files, files_of(&[("code.txt", "new")]));
}

#[test]
fn a_bad_a_missing_and_an_unreadable_one_leave_the_last_good_one_in_use() {
    let name = || NAME.to_owned();
    let why = || "no answer".to_owned();
    for instead in [Instead::LastGood, Instead::Shipped] {
        let cases = [
            (read(Err(findings())), Verdict::Invalid { name: name(), findings: findings(), instead }),
            (Wanted::Missing { name: name() }, Verdict::Missing { name: name(), instead }),
            (
                Wanted::Unreadable { name: name(), why: why() },
                Verdict::Unreadable { name: name(), why: why(), instead },
            ),
        ];
        let old: &[(&str, &str)] = &[("code.txt", "old")];
        for (wanted, verdict) in cases {
            let branding = chosen(wanted, (instead == Instead::LastGood).then_some(old));
            assert_eq!(branding.verdict, verdict);
            assert_eq!(branding.copy.files.is_empty(), instead == Instead::Shipped);
        }
    }
}

#[test]
fn a_copy_with_the_brand_alone_is_no_good_one_to_stay_with() {
    let Verdict::Invalid { instead, .. } = chosen(read(Err(findings())), Some(&[])).verdict else {
        panic!("it is invalid")
    };
    assert_eq!(instead, Instead::Shipped);
}

#[test]
fn without_a_config_map_or_with_an_empty_one_mails_are_as_ping_ships_them() {
    for wanted in [Wanted::Shipped, read(Ok(passed(&[])))] {
        let branding = chosen(wanted, Some(&[("code.txt", "old")]));
        assert_eq!(branding.verdict, Verdict::Shipped);
        assert!(branding.copy.files.is_empty(), "what the spec no longer names is not used");
    }
}

#[test]
fn another_brand_is_used_at_once_with_the_last_good_files() {
    let sources =
        || Sources { wanted: read(Err(findings())), last_good: Some(passed(&[("code.txt", "old")])) };
    let before = choose(&mail(), sources()).unwrap().copy;
    let mut mail = mail();
    mail.brand.colour = Some("#0A0B0C".to_owned());
    let after = choose(&mail, sources()).unwrap().copy;
    assert_eq!(after.files, before.files);
    assert!(after.brand != before.brand && after.brand.contains("#0a0b0c"), "{}", after.brand);
    assert_ne!(after.name(&fixtures::stack_id()), before.name(&fixtures::stack_id()));
}

#[test]
fn a_default_language_without_words_is_named_and_one_of_its_parents_is_enough() {
    let verdict = |tag: &str, wanted| {
        let mut mail = mail();
        mail.locales.default = tag.to_owned();
        choose(&mail, Sources { wanted, last_good: None }).unwrap().verdict
    };
    assert_eq!(verdict("de-AT", Wanted::Shipped), Verdict::Shipped);
    let Verdict::DefaultLanguageMissing { wanted, present, has_own } = verdict("fi", Wanted::Shipped) else {
        panic!("Ping has no Finnish")
    };
    assert_eq!(wanted.to_string(), "fi");
    assert!(present.len() >= 12 && has_own);
    let finnish = Passed { languages: vec!["fi".parse().unwrap()], ..passed(&[("words.fi.json", "{}")]) };
    assert_eq!(verdict("fi", read(Ok(finnish))), Verdict::Applied { name: NAME.to_owned() });
    // What keeps the ConfigMap from being used is said first.
    assert!(matches!(verdict("fi", read(Err(findings()))), Verdict::Invalid { .. }));
}

#[test]
fn a_brand_that_could_deceive_is_refused_also_where_the_api_server_has_no_rules() {
    for name in ["Ping\r\nBcc: x", "Ping\u{0}", "Ping\u{202e}", "a@b", "<b>", ""] {
        let mut mail = mail();
        mail.brand.name = Some(name.to_owned());
        let refused = choose(&mail, Sources { wanted: Wanted::Shipped, last_good: None }).unwrap_err();
        assert!(matches!(&refused, Error::Brand(_)), "{name:?}: {refused}");
        assert!(refused.to_string().starts_with("mail.brand cannot be used: "), "{refused}");
    }
    for url in ["http://example.org/a.png", "data:image/png;base64,AA", "javascript:a", &long_url()] {
        let mut mail = mail();
        mail.brand.logo = Some(Logo { url: url.to_owned(), width: 120 });
        let refused = choose(&mail, Sources { wanted: Wanted::Shipped, last_good: None }).unwrap_err();
        assert!(matches!(refused, Error::Brand(_)), "{url}");
    }
    let mut mail = mail();
    mail.locales.default = "../../etc".to_owned();
    let refused = choose(&mail, Sources { wanted: Wanted::Shipped, last_good: None }).unwrap_err();
    assert!(refused.to_string().starts_with("mail.locales.default cannot be used: "), "{refused}");
}
