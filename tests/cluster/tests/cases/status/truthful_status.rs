//! The status says when users cannot sign in, and why; and it says what a change waits for.

use std::time::Duration;

use cluster::{Case, Relay, deadline};
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

/// A host name that has no address anywhere (RFC 6761, section 6.4).
const NOWHERE: &str = "mail.invalid";
/// A port of Mailpit's Service that nothing listens on.
const CLOSED_PORT: u16 = 1026;
/// An image that no registry has.
const NO_IMAGE: &str = "localhost/ping/user-service:none";
/// Mails could not be handed over for a minute, and the operator has noticed.
const MINUTE: Duration = Duration::from_mins(4);

#[tokio::test]
async fn a_mail_server_that_does_not_exist_is_reported_and_after_a_minute_the_stack_is_not_ready() {
    let nowhere = Mistake { wrong: json!({ "host": NOWHERE }), right: json!({ "host": "mailpit" }) };
    Case::run(async |case: &Case| nowhere.assert_reported(case, "SmtpHostNotFound").await).await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the host that does not exist"]
async fn a_wrong_port_of_the_mail_server_is_reported_and_after_a_minute_the_stack_is_not_ready() {
    let closed = Mistake { wrong: json!({ "port": CLOSED_PORT }), right: json!({ "port": 1025 }) };
    Case::run(async |case: &Case| closed.assert_reported(case, "SmtpUnreachable").await).await;
}

/// The two mistakes that a user of a real mail server makes: a certificate that nobody vouches for, then a wrong password.
#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the host that does not exist"]
async fn a_refused_certificate_and_a_wrong_password_are_reported_and_the_right_ones_end_it() {
    Case::run(async |case: &Case| {
        case.start_relay().await;
        let demo = case.ready_stack(json!({})).await;
        for (wrong, reason) in
            [(Relay::untrusted(), "SmtpTlsFailed"), (Relay::wrong_password(), "SmtpAuthenticationFailed")]
        {
            demo.patch(json!({ "smtp": wrong })).await;
            let condition = demo.wait_reason("MailServiceReady", reason, deadline::SERVER).await;
            assert_eq!(condition.status, "False", "{condition:?}");
            let ready = demo.wait_reason("Ready", reason, MINUTE).await;
            assert_eq!(ready.status, "False", "{ready:?}");
        }
        demo.patch(json!({ "smtp": Relay::right() })).await;
        demo.wait_ready().await;
    })
    .await;
}

/// Fields of `spec.smtp`, wrong and put right.
struct Mistake {
    wrong: Value,
    right: Value,
}

impl Mistake {
    /// Both conditions say the reason, and users sign in once the mistake is put right.
    async fn assert_reported(&self, case: &Case, reason: &str) {
        let demo = case.ready_stack(json!({})).await;
        demo.patch(json!({ "smtp": self.wrong })).await;
        let condition = demo.wait_reason("MailServiceReady", reason, deadline::SERVER).await;
        assert_eq!(condition.status, "False", "{condition:?}");
        let ready = demo.wait_condition("Ready", "False", MINUTE).await;
        assert_eq!(ready.reason, reason, "{ready:?}");
        demo.patch(json!({ "smtp": self.right })).await;
        demo.wait_ready().await;
        demo.wait_sign_in("ada@example.org").await;
    }
}

#[tokio::test]
async fn a_stack_without_a_mail_consumer_is_not_ready() {
    Case::run(async |case: &Case| {
        let demo =
            case.ready_stack(json!({ "mailService": { "autoscaling": { "provider": "None" } } })).await;
        let scale = |replicas: i32| json!({ "spec": { "replicas": replicas } });
        case.patch::<Deployment>(&demo.part("mail-service"), scale(0)).await;
        demo.wait_reason("MailServiceReady", "NoConsumers", deadline::OPERATOR).await;
        demo.wait_condition("Ready", "False", MINUTE).await;
        case.patch::<Deployment>(&demo.part("mail-service"), scale(1)).await;
        demo.wait_ready().await;
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the mail server that does not exist"]
async fn a_rollout_that_cannot_go_on_is_stalled_while_the_old_pods_serve() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        demo.patch(json!({ "userService": { "image": NO_IMAGE } })).await;
        let stalled = demo.wait_condition("Stalled", "True", deadline::SERVER).await;
        assert!(
            stalled.message.contains("user-service") && stalled.message.contains(NO_IMAGE),
            "{stalled:?}"
        );
        assert_eq!(demo.condition("Ready").await.map(|ready| ready.status).as_deref(), Some("True"));
        demo.wait_sign_in("ada@example.org").await;
        demo.patch(json!({ "userService": { "image": null } })).await;
        demo.wait_no_condition("Stalled", deadline::SERVER).await;
        demo.wait_no_condition("Reconciling", deadline::SERVER).await;
        demo.wait_ready().await;
    })
    .await;
}
