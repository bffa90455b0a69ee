//! One trace from the request to the mail server's reply, at a real collector; and services that do without one.

use std::{net::Ipv4Addr, time::Duration};

use serde_json::json;
use system_tests::platform::{Platform, Setup};
use test_kit::{
    port::free_port,
    smtp::{Message, Phase, Rule},
    wait::{wait_for, wait_until},
};
use tokio::{net::TcpListener, time::Instant};

mod collector;

use collector::{Collector, Span};

const DEADLINE: Duration = Duration::from_mins(1);
const ADDRESS: &str = "traced.person@example.org";
const REFUSED: &str = "refused.person@example.org";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

fn trace_parent() -> String {
    format!("00-{TRACE}-{CALLER}-01")
}

/// The settings of a service that exports to `endpoint`.
fn exporting(endpoint: &str) -> Vec<(&'static str, String)> {
    vec![("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.to_owned()), ("LOG_FILTER", "debug".to_owned())]
}

async fn mail_to(platform: &Platform, address: &str) -> Message {
    wait_for("a sign-in mail", DEADLINE, || async {
        let mails = platform.smtp.delivered();
        mails.into_iter().find(|mail| mail.recipients.iter().any(|to| to == address))
    })
    .await
}

fn only<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let mut found = spans.iter().filter(|span| span.trace == TRACE && span.name == name);
    let (first, second) = (found.next(), found.next());
    assert!(first.is_some() && second.is_none(), "not one span {name} in {spans:#?}");
    first.expect("there is one")
}

#[tokio::test]
async fn one_trace_leads_from_the_login_to_the_reply_of_the_mail_server_and_holds_no_personal_data() {
    let collector = Collector::start().await;
    // Nothing is exported in between: what arrives was sent at the end of the processes.
    let late = || [exporting(&collector.endpoint()), vec![("OTEL_BSP_SCHEDULE_DELAY", "600000".to_owned())]];
    let setup = Setup { user_service: late().concat(), mail_service: late().concat(), ..Setup::default() };
    let mut platform = Platform::start_with(setup).await;
    platform.smtp.add_rule(Rule::reply(Phase::RcptTo, "550 5.1.1 no such user").to_recipient(REFUSED));
    let headers = [("traceparent", trace_parent()), ("x-request-id", "from-the-proxy".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let login = platform.client.login_with(ADDRESS, &headers).await.expect("no answer to the login");
    assert_eq!((login.status, login.request_id.as_deref()), (200, Some("from-the-proxy")));
    let code = mail_to(&platform, ADDRESS).await.code().expect("no code in the mail");
    assert_eq!(platform.client.verify(ADDRESS, &code).await.map(|answer| answer.status), Some(200));
    assert_eq!(platform.client.login(REFUSED).await.map(|answer| answer.status), Some(200));
    wait_until("the refused mail to be parked", DEADLINE, || async {
        platform.queue_depth("send-otp.dead").await == Some(1)
    })
    .await;
    assert!(platform.user_service.terminate(DEADLINE).await.success());
    assert!(platform.mail_service.terminate(DEADLINE).await.success());
    wait_until("the last spans", DEADLINE, || async {
        let spans = collector.spans();
        spans.iter().filter(|span| span.name == "SMTP").count() == 2
            && spans.iter().any(|span| span.name == "POST /api/v1/verify-otp")
    })
    .await;

    let spans = collector.spans();
    let request = only(&spans, "POST /api/v1/login");
    let send = only(&spans, "send send-otp");
    let process = only(&spans, "process send-otp");
    let smtp = only(&spans, "SMTP");
    assert_eq!([&request.service, &send.service], ["user-service"; 2]);
    assert_eq!([&process.service, &smtp.service], ["mail-service"; 2]);
    assert_eq!([&request.parent, &send.parent], [CALLER, &request.id]);
    assert_eq!([&process.parent, &smtp.parent], [&send.id, &process.id]);
    assert_eq!(request.attributes["http.response.status_code"], "200");
    assert_eq!(request.attributes["ping.request_id"], "from-the-proxy");
    assert_eq!(smtp.attributes["smtp.response.status_code"], "250");
    let event = &send.attributes["messaging.message.id"];
    assert_eq!(&process.attributes["messaging.message.id"], event);
    let delivered = platform.mail_service.output().containing("mail delivered");
    assert!(delivered.iter().any(|line| line.text.contains(event.as_str())), "{delivered:?}");
    let refused = spans.iter().filter(|span| span.trace != TRACE && span.name == "SMTP").collect::<Vec<_>>();
    assert_eq!(refused[0].attributes["smtp.response.status_code"], "550", "{refused:?}");

    assert!(spans.iter().all(|span| span.events == 0), "{spans:#?}");
    let text = collector.text();
    let challenge = login.body["challenge"].as_str().expect("no challenge");
    for secret in [ADDRESS, REFUSED, "person", "***", "example.org", &code, challenge] {
        assert!(!text.contains(secret), "{secret} is in: {text}");
    }
}

#[tokio::test]
async fn without_export_the_trace_of_a_request_reaches_the_mail_and_its_retry_all_the_same() {
    let collector = Collector::start().await;
    let mut mail_service = exporting(&collector.endpoint());
    mail_service.push(("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()));
    // Set and empty is not set.
    let user_service = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", String::new())];
    let platform = Platform::start_with(Setup { user_service, mail_service, ..Setup::default() }).await;
    platform.smtp.add_rule(Rule::reply(Phase::RcptTo, "421 4.3.2 busy").to_recipient(ADDRESS).times(1));
    let header = trace_parent();
    let login = platform.client.login_with(ADDRESS, &[("traceparent", &header)]).await;
    assert_eq!(login.map(|answer| answer.status), Some(200));
    mail_to(&platform, ADDRESS).await;
    let deliveries = wait_for("the spans of both deliveries", DEADLINE, || async {
        let spans = collector.spans().into_iter().filter(|span| span.name == "process send-otp");
        let spans = spans.collect::<Vec<_>>();
        (spans.len() == 2).then_some(spans)
    })
    .await;
    for (span, outcome) in deliveries.iter().zip(["retry", "delivered"]) {
        assert_eq!((span.trace.as_str(), span.parent.as_str()), (TRACE, CALLER), "{span:?}");
        assert_eq!(span.attributes["ping.outcome"], outcome);
    }
}

#[tokio::test]
async fn a_collector_that_is_away_or_never_replies_delays_no_request_and_no_end() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("no port");
    let silent = format!("http://{}", silent.local_addr().expect("no address"));
    let away = format!("http://127.0.0.1:{}", free_port());
    let often = |endpoint: &str| {
        let more = [("OTEL_BSP_SCHEDULE_DELAY", "50"), ("OTEL_BSP_MAX_QUEUE_SIZE", "8")];
        let more = more.map(|(name, value)| (name, value.to_owned()));
        [exporting(endpoint), more.to_vec()].concat()
    };
    let setup = Setup { user_service: often(&silent), mail_service: often(&away), ..Setup::default() };
    let mut platform = Platform::start_with(setup).await;
    for number in 0..50 {
        let began = Instant::now();
        let answer = platform.client.login(&format!("person.{number}@example.org")).await;
        assert_eq!(answer.map(|answer| answer.status), Some(200));
        assert!(began.elapsed() < Duration::from_secs(4), "a login took {:?}", began.elapsed());
    }
    wait_until("all mails", DEADLINE, || async { platform.smtp.delivered().len() == 50 }).await;
    let warned = || platform.mail_service.output().containing("the collector does not take traces");
    wait_until("a warning", DEADLINE, || async { !warned().is_empty() }).await;
    assert_eq!(warned().len(), 1, "{:?}", warned());

    platform.redis.kill9().await;
    let failed = platform.client.login(ADDRESS).await.expect("no answer");
    let id = failed.request_id.expect("no id");
    assert_eq!((failed.status, &failed.body["instance"]), (503, &json!(format!("urn:uuid:{id}"))));
    assert!(!platform.user_service.output().containing(&id).is_empty(), "no line names the request");

    let began = Instant::now();
    assert!(platform.user_service.terminate(DEADLINE).await.success());
    assert!(platform.mail_service.terminate(DEADLINE).await.success());
    assert!(began.elapsed() < Duration::from_secs(20), "both ends took {:?}", began.elapsed());
}
