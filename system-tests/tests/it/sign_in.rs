//! From an address to a token, with a real mail server in between.

use std::time::Duration;

use system_tests::platform::{Platform, Setup};
use test_kit::mailpit::{Mailpit, code_in};

const MAIL_DEADLINE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_person_signs_in_with_the_code_from_the_mail() {
    let mailpit = Mailpit::shared();
    let mail_server = mailpit.server();
    let setup = Setup {
        mail_service: vec![
            ("SMTP_HOST", mail_server.smtp_host.clone()),
            ("SMTP_PORT", mail_server.smtp_port.to_string()),
        ],
        ..Setup::default()
    };
    let platform = Platform::start_with(setup).await;
    let address = "ada.system-test@example.org";

    let answer = platform.client.login(address).await.expect("no answer to the login");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["message"], "OTP has been sent to your email");

    let mail = mailpit.wait_for_message(address, MAIL_DEADLINE).await;
    assert_eq!(mail["Subject"], "Your OTP Code");
    let code = mail["Text"].as_str().and_then(code_in).expect("no code in the mail");

    let answer = platform.client.verify(address, code).await.expect("no answer to the verify");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["message"], "Login successful");
    assert_eq!(answer.body["user"]["email"], address);
    assert_eq!(answer.body["token"].as_str().map(|token| token.split('.').count()), Some(3));

    let again = platform.client.verify(address, code).await.expect("no answer to the second verify");
    assert_eq!((again.status, &again.body["message"]), (400, &"Invalid or expired OTP".into()));
}
