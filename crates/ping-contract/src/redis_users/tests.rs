//! The ACL rules against the services' own sources: a command that is not in the rules is refused at run time only.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{CONNECTION_COMMANDS, MAIL_SERVICE_COMMANDS, USER_SERVICE_COMMANDS, acl_file};

/// Methods of redis-rs' pipeline, and the commands that they are.
const PIPELINE_METHODS: [(&str, Option<&str>); 4] =
    [("exists", Some("exists")), ("pset_ex", Some("psetex")), ("cmd", None), ("query_async", None)];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// What stands between each `before` and the next `end` of a text.
fn between<'a>(text: &'a str, before: &str, end: char) -> impl Iterator<Item = &'a str> {
    let pieces = text.split(before).skip(1).collect::<Vec<_>>();
    pieces.into_iter().filter_map(move |piece| piece.split(end).next())
}

/// Every Redis command that a service's sources name.
fn commands(service: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services").join(service).join("src");
    let mut found = BTreeSet::new();
    for path in sources(&folder) {
        let text = std::fs::read_to_string(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "lua") {
            for call in ["redis.call(", "redis.pcall("] {
                let named = format!("{call}'");
                let calls = [call, &named].map(|call| text.matches(call).count());
                assert_eq!(calls[0], calls[1], "{}: a command that is in a variable", path.display());
                found.extend(between(&text, &named, '\'').map(str::to_ascii_lowercase));
            }
            found.extend(["evalsha", "script|load"].map(str::to_owned));
            continue;
        }
        found.extend(between(&text, "cmd(\"", '"').map(str::to_ascii_lowercase));
        let is_name = |text: &&str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        for method in between(&text, "pipeline.", '(').filter(is_name) {
            let known = PIPELINE_METHODS.into_iter().find(|(name, _)| *name == method);
            let (_, command) = known.unwrap_or_else(|| panic!("{}: pipeline.{method}", path.display()));
            found.extend(command.map(str::to_owned));
        }
    }
    found
}

fn allowed(rules: [&str; 2]) -> BTreeSet<String> {
    let rules = rules.into_iter().flat_map(str::split_whitespace);
    rules.map(|rule| rule.strip_prefix('+').unwrap().to_owned()).collect()
}

/// The client library says its name, and whoever watches a connection pings.
fn with_connection(mut used: BTreeSet<String>) -> BTreeSet<String> {
    used.extend(["ping", "client|setinfo"].map(str::to_owned));
    used
}

#[test]
fn user_service_may_do_what_its_scripts_do_and_nothing_else() {
    let rules = allowed([CONNECTION_COMMANDS, USER_SERVICE_COMMANDS]);
    assert_eq!(rules, with_connection(commands("user-service")));
}

#[test]
fn mail_service_may_do_what_it_does_and_nothing_else() {
    let rules = allowed([CONNECTION_COMMANDS, MAIL_SERVICE_COMMANDS]);
    assert_eq!(rules, with_connection(commands("mail-service")));
}

#[test]
fn each_service_sees_its_own_keys_and_the_default_user_is_off_but_may_replay_everything() {
    let acl = acl_file(|user| format!("password of {user}"));
    let of = |user: &str| acl.lines().find(|line| line.starts_with(&format!("user {user} "))).unwrap();
    assert!(of("user-service").contains(" ~otp:* ~limit:* ~idempotency:* ~session:* ~signing-key:* "));
    assert!(of("mail-service").contains(" ~mail:* ") && !of("mail-service").contains("otp"));
    assert!(of("probe").ends_with(" resetchannels -@all +ping"));
    assert_eq!(of("default"), "user default off ~* &* +@all");
    assert_eq!(acl.matches(" on ").count(), 3, "{acl}");
    assert!(!acl.contains("nopass") && !acl.contains("password of"), "{acl}");
}

/// Readiness runs this script: what it does not call may be missing at the first login.
#[test]
fn the_check_of_a_connection_calls_every_command_that_the_scripts_of_user_service_call() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../redis-client/src/check.lua");
    let text = std::fs::read_to_string(file).unwrap();
    let called = |text: &str| {
        let calls = ["redis.call('", "redis.pcall('", "codes('", "sessions('"];
        let of = |call| between(text, call, '\'').map(str::to_ascii_lowercase);
        calls.into_iter().flat_map(of).collect::<BTreeSet<_>>()
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services/user-service/src");
    let scripts =
        sources(&folder).into_iter().filter(|path| path.extension().is_some_and(|end| end == "lua"));
    let needed = scripts.flat_map(|path| called(&std::fs::read_to_string(path).unwrap()));
    assert_eq!(called(&text), needed.collect());
}
