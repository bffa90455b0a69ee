//! `test`: what `helm test` runs for a stack.

use anyhow::Result;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::arguments::Test;
use crate::mailpit::Mailpit;
use crate::sign_in::{self, PAUSE, UserService};
use crate::stack::given;
use crate::{claims, http};

pub(crate) async fn run(arguments: &Test) -> Result<()> {
    if let Some(claims) = sign_in_as_told(arguments).await? {
        println!("ok: the code is verified; the token's claims: {claims}");
    }
    Ok(())
}

/// The claims of the session's token, where the code could be read.
async fn sign_in_as_told(arguments: &Test) -> Result<Option<Value>> {
    let client = http::client()?;
    let user_service = UserService {
        client: client.clone(),
        url: arguments.url.trim_end_matches('/').to_owned(),
        deadline: arguments.deadline,
        await_start: true,
    };
    user_service.refuses_no_address().await?;
    println!("ok: {} answers, and refuses what is no address", user_service.url);

    let mailpit = given(arguments.mailpit.as_ref()).map(|url| Mailpit { client, url });
    let address = arguments.address.clone().filter(|address| !address.is_empty());
    let address = match (address, &mailpit) {
        (Some(address), _) => address,
        (None, Some(_)) => sign_in::new_address("helm-test"),
        (None, None) => {
            println!(
                "no login was tried, so that no stranger gets a mail: set test.address or test.mailpitUrl"
            );
            return Ok(None);
        }
    };
    let before = match &mailpit {
        Some(mailpit) => newest_once_it_answers(mailpit, &address, arguments).await?,
        None => None,
    };
    let requested = user_service.log_in(&address).await?;
    println!("ok: a login for {address} is taken");
    let Some(mailpit) = mailpit else {
        return Ok(None);
    };
    let mail = sign_in::new_mail(&mailpit, &address, before.as_deref(), arguments.deadline).await?;
    println!("ok: the mail has come");
    let signed_in = user_service.verify(&address, sign_in::code_of(&mail)?, &requested).await?;
    claims::of(&signed_in.token).map(Some)
}

async fn newest_once_it_answers(
    mailpit: &Mailpit,
    address: &str,
    arguments: &Test,
) -> Result<Option<String>> {
    let end = Instant::now() + arguments.deadline;
    loop {
        let outcome = mailpit.newest(address).await;
        if outcome.is_ok() || Instant::now() > end {
            return outcome;
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Test, sign_in_as_told};
    use crate::test_server::TestServer;

    fn arguments(server: &TestServer, mailpit: bool) -> Test {
        Test {
            url: format!("{}/", server.url),
            address: Some(String::new()),
            mailpit: Some(if mailpit { server.url.clone() } else { String::new() }),
            deadline: Duration::from_secs(5),
        }
    }

    #[tokio::test]
    async fn with_mailpit_a_sign_in_ends_in_claims() {
        let server = TestServer::start(1).await;
        let claims = sign_in_as_told(&arguments(&server, true)).await.unwrap().unwrap();
        assert_eq!(claims["sub"], "a");
        assert_eq!(server.challenges(), ["the-challenge"], "the challenge comes back with the code");
    }

    #[tokio::test]
    async fn without_an_address_and_mailpit_no_mail_is_sent() {
        let server = TestServer::start(0).await;
        assert_eq!(sign_in_as_told(&arguments(&server, false)).await.unwrap(), None);
        assert_eq!(server.mails(), 0);
    }

    #[tokio::test]
    async fn a_503_is_retried_only_until_the_deadline() {
        let server = TestServer::start(1000).await;
        let mut arguments = arguments(&server, true);
        arguments.deadline = Duration::from_millis(700);
        let error = format!("{:#}", sign_in_as_told(&arguments).await.unwrap_err());
        assert!(error.contains("the login was answered 503: not now"), "{error}");
    }

    #[tokio::test]
    async fn where_nothing_listens_the_url_is_in_the_message() {
        let server = TestServer::start(0).await;
        let mut arguments = arguments(&server, false);
        arguments.url = "http://127.0.0.1:9".to_owned();
        arguments.deadline = Duration::from_millis(100);
        let error = format!("{:#}", sign_in_as_told(&arguments).await.unwrap_err());
        assert!(error.starts_with("user-service does not answer at http://127.0.0.1:9: "), "{error}");
    }
}
