use super::{PasswordHash, Permissions, Role, User, only};
use crate::queues::{MAIL_EXCHANGE, MAIL_QUEUE, RETRY_EXCHANGE};

#[test]
fn a_hash_is_the_one_of_rabbitmqs_documentation() {
    let hash = PasswordHash::new("test12", [0x90, 0x8d, 0xc6, 0x0a]);
    assert_eq!(hash.as_str(), "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR");
}

#[test]
fn a_stored_hash_is_recognised_with_its_own_salt_and_by_its_password_only() {
    let hash = PasswordHash::from_broker(PasswordHash::new("right", [1, 2, 3, 4]).as_str());
    assert!(hash.is_of("right"));
    assert!(!hash.is_of("wrong"));
    for broken in ["", "AQI=", "not base64!"] {
        assert!(!PasswordHash::from_broker(broken).is_of("right"), "{broken:?}");
    }
}

#[test]
fn each_role_may_do_what_its_work_needs_and_nothing_else() {
    let table = Role::ALL.map(|role| {
        let p = role.permissions("u");
        (role.name(), p.configure, p.write, p.read, role.tags().join(","))
    });
    let row = |name, configure: &str, write: &str, read: &str, tags: &str| {
        (name, configure.to_owned(), write.to_owned(), read.to_owned(), tags.to_owned())
    };
    assert_eq!(
        table,
        [
            row("user-service", "^$", r"^ping\.mail$", "^$", ""),
            row("mail-service", "^$", r"^ping\.mail\.retry$", "^send-otp$", ""),
            row("monitor", "^$", "^$", "^$", "monitoring"),
            row("legacy", "^send-otp$", r"^(send-otp|amq\.default)$", "^send-otp$", ""),
        ]
    );
}

/// What the services declare passively whenever they connect.
#[test]
fn each_service_looks_only_at_what_its_role_has_a_permission_on() {
    for (role, object) in [
        (Role::UserService, MAIL_EXCHANGE),
        (Role::MailService, RETRY_EXCHANGE),
        (Role::MailService, MAIL_QUEUE),
        (Role::Legacy, MAIL_QUEUE),
    ] {
        let Permissions { configure, write, read, .. } = role.permissions("u");
        assert!([configure, write, read].contains(&only(&[object])), "{} looks at {object}", role.name());
    }
}

#[test]
fn debug_and_json_show_no_password() {
    let user = User { name: "u".into(), role: Role::Legacy, password: "s3cret".into(), salt: [7; 4] };
    let hash = PasswordHash::new("s3cret", [7; 4]);
    for shown in [format!("{user:?}"), serde_json::to_string(&user).unwrap(), format!("{hash:?}")] {
        assert!(!shown.contains("s3cret") && !shown.contains(hash.as_str()), "{shown}");
    }
}
