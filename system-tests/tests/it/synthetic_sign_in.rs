//! The operator's sign-in at both services on real servers: the mail travels through the queue to the sink.

use std::time::Duration;

use service_kit::shutdown::Shutdown;
use sign_in_check::{Failure, SignIn, Sink, Step};
use system_tests::platform::{Platform, Setup};
use test_kit::{proxy::Mode, wait::wait_until};
use tokio::net::TcpListener;

/// Longer than a mail takes on a busy machine that tries it again.
const MAIL_DEADLINE: Duration = Duration::from_mins(3);

struct Operator {
    sign_in: SignIn,
    sink_port: u16,
    shutdown: Shutdown,
}

impl Operator {
    async fn start() -> Self {
        let shutdown = Shutdown::new();
        let sink = Sink::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port for the sink");
        let sink_port = listener.local_addr().expect("the sink's address").port();
        shutdown.spawn("sink", sink.clone().serve(listener, shutdown.clone()));
        let sign_in = SignIn::new(sink).expect("an HTTP client").with_mail_deadline(MAIL_DEADLINE);
        Self { sign_in, sink_port, shutdown }
    }

    /// As the operator sets it up, with limits as they are by default.
    fn setup(&self) -> Setup {
        Setup {
            user_service: vec![("LOGIN_PER_IP", "20".to_owned()), ("LOGIN_WRONG_PER_IP", "60".to_owned())],
            mail_service: vec![("SYNTHETIC_SINK", format!("127.0.0.1:{}", self.sink_port))],
            ..Setup::default()
        }
    }
}

#[tokio::test]
async fn the_operator_signs_in_with_the_code_from_the_mail_and_the_mail_server_sees_nothing() {
    let operator = Operator::start().await;
    let platform = Platform::start_with(operator.setup()).await;
    let url = platform.client.url();
    // More often than any limit of one address would allow.
    for _ in 0..8 {
        let signed_in = operator.sign_in.at(&url).await.expect("a sign-in");
        assert!(signed_in.code_after < MAIL_DEADLINE, "{signed_in:?}");
    }
    assert!(platform.smtp.messages().is_empty(), "the mail server got a mail of a synthetic sign-in");
    // Those of users go to the mail server as before.
    let answer = platform.client.login("ada@example.org").await.expect("no answer to the login");
    assert_eq!(answer.status, 200, "{answer:?}");
    platform.smtp.wait_for_message_to("ada@example.org", MAIL_DEADLINE).await;
    let delivered = r#"ping_mail_sends_total{outcome="delivered",smtp_class="2xx"}"#;
    wait_until("nine delivered mails", MAIL_DEADLINE, || async {
        platform.mail_service_metric(delivered).await >= 9.0
    })
    .await;
    operator.shutdown.trigger();
}

#[tokio::test]
async fn the_step_that_fails_is_named_and_users_go_on() {
    let operator = Operator::start().await;
    let platform = Platform::start_with(operator.setup()).await;
    let url = platform.client.url();
    operator.sign_in.at(&url).await.expect("a sign-in");

    // The sink is away, as while the operator's leader changes.
    operator.shutdown.trigger();
    let impatient = operator.sign_in.clone().with_mail_deadline(Duration::from_secs(2));
    assert_eq!(impatient.at(&url).await, Err(Failure::NoMail(Duration::from_secs(2))));
    let answer = platform.client.login("ada@example.org").await.expect("no answer to the login");
    assert_eq!(answer.status, 200, "{answer:?}");
    platform.smtp.wait_for_message_to("ada@example.org", MAIL_DEADLINE).await;

    // The broker is cut off: no code can be requested.
    platform.publisher_proxy.set_mode(Mode::Refuse).await;
    platform.publisher_proxy.reset_connections();
    let failure = impatient.at(&url).await.expect_err("a sign-in without a broker");
    assert_eq!(failure.step(), Step::Login, "{failure}");
}

/// Somebody who reads the mail at the sink can do nothing with its code.
#[tokio::test]
async fn the_code_of_a_synthetic_sign_in_alone_signs_nobody_in() {
    let setup = Setup::default();
    let platform = Platform::start_with(setup).await;
    let address = ping_contract::synthetic::address(9);
    let answer = platform.client.login(&address).await.expect("no answer to the login");
    assert_eq!(answer.status, 200, "{answer:?}");
    let mail = platform.smtp.wait_for_message_to(&address, MAIL_DEADLINE).await;
    let code = mail.code().expect("a code in the mail");
    let answer = platform.client.verify(&address, &code).await.expect("no answer to the verify");
    assert_eq!(answer.status, 400, "{answer:?}");
}
