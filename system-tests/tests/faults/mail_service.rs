//! mail-service ends at the worst moments. Cases 1, 2, 3.

use system_tests::platform::Platform;
use test_kit::{
    proxy::Mode,
    smtp::{Action, Phase, Rule},
    wait::wait_until,
};

use crate::rig::{DEADLINE, depth, login, mailed, mails_to, play};

#[tokio::test]
async fn case_01_killed_between_data_and_250_it_sends_again_with_the_same_message_id() {
    let mut platform = Platform::start().await;
    platform.smtp.add_rule(Rule::new(Phase::DataEnd, Action::Silence).times(1));
    login(&platform, "one@example.org").await;
    mailed(&platform, "one@example.org").await;
    platform.mail_service.kill9().await;
    platform.mail_service.restart().await;
    wait_until("the second try", DEADLINE, || async { mails_to(&platform, "one@example.org").len() == 2 })
        .await;
    depth(&platform, "send-otp", 0).await;
    let mails = mails_to(&platform, "one@example.org");
    assert_eq!(mails.len(), 2, "once unanswered, once answered");
    assert_eq!(mails[0].message_id(), mails[1].message_id());
    assert_eq!(mails[0].code(), mails[1].code());
}

#[tokio::test]
async fn case_02_killed_between_250_and_ack_it_does_not_send_again() {
    let mut platform = Platform::start().await;
    // The mail server takes its time, and by then nothing reaches the broker any more: the ack cannot arrive.
    platform
        .smtp
        .add_rule(Rule::new(Phase::DataEnd, Action::Delay(std::time::Duration::from_secs(1))).times(1));
    login(&platform, "two@example.org").await;
    wait_until("mail-service to have it in work", DEADLINE, || async {
        platform.mail_service_metric("ping_mail_in_flight").await > 0.5
    })
    .await;
    platform.consumer_proxy.set_mode(Mode::BlackHole).await;
    mailed(&platform, "two@example.org").await;
    wait_until("mail:sent to be set", DEADLINE, || async {
        platform
            .redis
            .command("DBSIZE")
            .await
            .is_ok_and(|size| size.parse::<u32>().is_ok_and(|size| size > 0))
            && platform
                .mail_service_metric(r#"ping_mail_sends_total{outcome="delivered",smtp_class="2xx"}"#)
                .await
                > 0.5
    })
    .await;
    platform.mail_service.kill9().await;
    platform.consumer_proxy.cut_connections();
    platform.consumer_proxy.set_mode(Mode::Forward).await;
    platform.mail_service.restart().await;
    depth(&platform, "send-otp", 0).await;
    assert_eq!(mails_to(&platform, "two@example.org").len(), 1, "mailed twice though mail:sent was set");
}

#[tokio::test]
async fn case_03_asked_to_end_under_load_it_loses_and_doubles_nothing() {
    let mut platform = Platform::start().await;
    let run = play(&mut platform, "3 SIGTERM of mail-service", async |platform| {
        platform.mail_service.terminate(DEADLINE).await;
        platform.mail_service.restart().await;
    })
    .await;
    run.assert_promises(0);
}
