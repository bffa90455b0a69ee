//! Sealed mail events: the broker stores nothing that can be read.

use std::{fs, path::Path, time::Duration};

use sealed_mail::PrivateKey;
use serde_json::json;
use system_tests::platform::{Platform, Setup};
use tempfile::{TempDir, tempdir};
use test_kit::{
    servers::SmallDisk,
    smtp::{Message, Phase, Rule},
    wait::wait_until,
};

const DEADLINE: Duration = Duration::from_mins(2);

/// How many users sign in whose mails are accepted at once, and as many whose mails wait in a retry queue first.
const USERS: usize = 10;

/// Room for what a new broker writes.
const DISK: u64 = 400 * 1024 * 1024;

/// The keys and the brand of a stack.
struct Files {
    folder: TempDir,
}

impl Files {
    fn write() -> Self {
        let folder = tempdir().expect("there is no temporary folder");
        let key = PrivateKey::from_random(rand::random()).expect("any octets are a key");
        let keys = folder.path().join("keys");
        fs::create_dir(&keys).expect("the folder of keys is made");
        let files = Self { folder };
        files.file("keys/one", &key.to_base64());
        files.file("public", &key.public_key().to_base64());
        files.file("brand.json", r#"{"name":"Acme"}"#);
        files
    }

    fn file(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("a file is written");
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

#[tokio::test]
async fn a_broker_stores_no_code_and_no_address_of_sealed_events() {
    let files = Files::write();
    let disk = SmallDisk::mount(DISK);
    let stored = disk.path().to_owned();
    let platform = Platform::start_with(Setup {
        user_service: vec![("MAIL_SEAL_KEY_FILE", files.path("public"))],
        mail_service: vec![
            ("MAIL_OPEN_KEYS_DIR", files.path("keys")),
            ("MAIL_TEMPLATES", "branded".into()),
            ("MAIL_BRAND_FILE", files.path("brand.json")),
        ],
        rabbitmq_disk: Some(disk),
        ..Setup::default()
    })
    .await;
    let control = publish_in_clear(&platform).await;
    let addresses = (0..2 * USERS).map(|number| format!("sealed.person.{number}@example.org"));
    let addresses = addresses.collect::<Vec<_>>();
    for address in &addresses[USERS..] {
        platform.smtp.add_rule(Rule::reply(Phase::RcptTo, "451 4.7.1 later").to_recipient(address));
    }
    for address in &addresses {
        assert_eq!(platform.client.login(address).await.map(|answer| answer.status), Some(200));
    }
    let waiting = u64::try_from(USERS).expect("a few") + 1;
    wait_until("mails in the retry queue", DEADLINE, || async {
        platform.queue_depth("send-otp.retry.15s").await == Some(waiting)
    })
    .await;
    let listed = listed(&platform, waiting).await;
    platform.smtp.clear_rules();
    platform.smtp.wait_for_delivered(addresses.len() + 1, DEADLINE).await;
    let mails = addresses.iter().map(|address| platform.smtp.delivered_to(address)).collect::<Vec<_>>();
    let codes = mails.iter().map(|mails| branded_code(mails)).collect::<Vec<_>>();

    assert!(is_stored(&stored, &control), "the search finds nothing, not even what is in clear");
    for secret in addresses.iter().chain(&codes) {
        assert!(!is_stored(&stored, secret), "{secret} is on the broker's disk");
        assert!(!listed.contains(secret.as_str()), "{secret} can be read in a queue");
    }
    assert!(listed.contains(&control));
}

/// An event of another publisher, which waits like the others; returns what it says.
async fn publish_in_clear(platform: &Platform) -> String {
    let marker = "in clear 7c1f9b";
    platform.smtp.add_rule(Rule::reply(Phase::RcptTo, "451 4.7.1 later").to_recipient("clear@example.org"));
    let event = json!({ "to": "clear@example.org", "subject": "s", "body": marker }).to_string();
    let message = json!({
        "properties": { "delivery_mode": 2 }, "routing_key": "send-otp", "payload": event, "payload_encoding": "string",
    });
    platform.rabbitmq.management().post("/api/exchanges/%2F/ping.mail/publish", &message).await;
    marker.to_owned()
}

/// What the retry queue holds, as the broker shows it to its administrator.
async fn listed(platform: &Platform, count: u64) -> String {
    let get = json!({ "count": count, "ackmode": "ack_requeue_true", "encoding": "auto" });
    platform.rabbitmq.management().post("/api/queues/%2F/send-otp.retry.15s/get", &get).await.to_string()
}

/// The code of the one mail to a user.
fn branded_code(mails: &[Message]) -> String {
    assert_eq!(mails.len(), 1, "mails to one user");
    let mail = &mails[0];
    let kind = mail.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("multipart/alternative"), "{kind}");
    mail.code().expect("a mail has a code")
}

/// Whether any file in the folder holds the text.
fn is_stored(folder: &Path, text: &str) -> bool {
    let entries = fs::read_dir(folder).expect("the broker's folder can be read");
    entries.filter_map(Result::ok).any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return is_stored(&path, text);
        }
        // A file may be gone since it was listed.
        let content = fs::read(&path).unwrap_or_default();
        content.windows(text.len()).any(|window| window == text.as_bytes())
    })
}
