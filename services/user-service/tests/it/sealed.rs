//! Mail events that the broker cannot read.

use sealed_mail::{Opener, PrivateKey, SealedEvent};
use serde_json::json;
use tempfile::tempdir;
use user_service::mail_sealing::MailSealing;

use crate::support::Setup;

const ADA: &str = "ada@example.org";

#[tokio::test]
async fn a_sealed_event_holds_a_code_that_only_the_private_key_reads() {
    let private = PrivateKey::from_random([7; 32]).unwrap();
    let folder = tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, private.public_key().to_base64()).unwrap();
    let service = Setup::default().sealing(MailSealing::read(&file).unwrap()).start().await;
    let login = service.post("/api/v1/login", &json!({ "email": ADA }), &[]).await.expect(200);
    let (body, expires_at_ms) = service.outbox.last_body();
    let text = String::from_utf8(body.clone()).unwrap();
    assert!(!text.contains("ada") && text.contains(r#""v":2"#), "{text}");
    let event = SealedEvent::parse(&body).unwrap().unwrap();
    let contents = Opener::new([private]).open(&event, expires_at_ms).unwrap();
    assert!(!text.contains(&contents.code));
    assert_eq!((contents.to.as_str(), contents.ttl_seconds), (ADA, 300));
    let body = json!({ "email": ADA, "otp": contents.code, "challenge": login.json["challenge"] });
    service.post("/api/v1/verify-otp", &body, &[]).await.expect(200);
}
