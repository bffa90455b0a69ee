//! Why no mail comes: the operator has a test mail sent, and the status says how the mail server took it.

use cluster::{
    Case, Stack, deadline,
    wait::{eventually, seen},
};
use k8s_openapi::api::{batch::v1::Job, core::v1::Secret};
use serde_json::json;

const ADA: &str = "ada@example.org";
const BOB: &str = "bob@example.org";
const CY: &str = "cy@example.org";
const CONDITION: &str = "TestMailSent";

#[tokio::test]
async fn a_test_mail_is_sent_once_and_its_answer_is_told() {
    Case::run(async |case: &Case| {
        let demo = case.stack("demo");
        demo.apply(json!({ "smtp": { "testRecipient": ADA } })).await;
        demo.wait_reason(CONDITION, "Delivered", deadline::STACK).await;
        assert_eq!(case.mails_to(ADA).await.len(), 1);
        let status = demo.object().await["status"].to_string();
        assert!(!status.contains(ADA), "the status holds the recipient: {status}");
        demo.wait_ready().await;
        // A change of other settings than the mail server's sends nothing.
        demo.patch(json!({ "mailService": { "concurrency": 8 } })).await;
        demo.wait_ready().await;
        // Another recipient is another mail, and the Job before is gone.
        demo.patch(json!({ "smtp": { "testRecipient": BOB } })).await;
        wait_one_mail(case, BOB).await;
        wait_jobs(case, &demo, 1).await;
        demo.wait_reason(CONDITION, "Delivered", deadline::OPERATOR).await;
        assert_eq!(case.mails_to(ADA).await.len(), 1, "a second test mail to the first recipient");
        // The mail of a sign-in is marked in Redis, so that a redelivery is not mailed again.
        demo.user(CY).sign_in().await;
        wait_mark(case, CY).await;
        // A mail server that cannot be reached: the stack goes on, and the condition says what to look at.
        demo.patch(json!({ "smtp": { "port": 1 } })).await;
        let unreachable = demo.wait_reason(CONDITION, "Unreachable", deadline::OPERATOR).await;
        assert!(unreachable.message.contains("mailpit:1"), "{unreachable:?}");
        demo.patch(json!({ "smtp": { "port": 1025, "testRecipient": null } })).await;
        wait_jobs(case, &demo, 0).await;
        demo.wait_no_condition(CONDITION, deadline::MAIL).await;
    })
    .await;
}

async fn wait_one_mail(case: &Case, address: &str) {
    eventually(format!("one mail to {address}"), deadline::OPERATOR, async || {
        let mails = case.mails_to(address).await;
        seen(mails.len() == 1, || format!("{mails:?}"))
    })
    .await;
}

async fn wait_jobs(case: &Case, demo: &Stack<'_>, count: usize) {
    eventually(format!("{count} Jobs of test mails"), deadline::MAIL, async || {
        let jobs = case.names::<Job>(&demo.selector()).await?;
        seen(jobs.len() == count, || format!("{jobs:?}"))
    })
    .await;
}

/// The mark's key has the mail's Message-ID up to its `@`.
async fn wait_mark(case: &Case, address: &str) {
    let mails = case.mails_to(address).await;
    let id = mails.first().and_then(|mail| mail.message_id.split('@').next()).expect("a mail with an id");
    let secret = case.get::<Secret>("demo-redis").await;
    let password = secret.data.and_then(|mut data| data.remove("mail-service-password")).expect("a password");
    let password = format!("REDISCLI_AUTH={}", String::from_utf8_lossy(&password.0));
    let key = format!("mail:sent:{id}");
    let command = ["env", &password, "redis-cli", "--user", "mail-service", "exists", &key];
    eventually(format!("the mark {key}"), deadline::READ, async || {
        let found = case.try_exec("demo-redis-0", &command).await?;
        seen(found.trim() == "1", || found)
    })
    .await;
}
