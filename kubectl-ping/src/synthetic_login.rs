//! `login` without an address: the operator signs in, by a mail that goes through the stack's own queue.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::arguments::Login;

const ANNOTATION: &str = "pingstack.dev/sign-in";
const POLL: Duration = Duration::from_secs(1);
/// The operator tries twice and waits a minute for each mail.
const LEAST_DEADLINE: Duration = Duration::from_mins(3);

pub(crate) async fn run(arguments: &Login) -> Result<()> {
    let cluster = &arguments.stack.cluster;
    let stack = cluster.only_stack(arguments.stack.name.as_ref()).await?;
    let get = ["get", "pingstack", &stack];
    let before = cluster.json(&get).await?;
    if before["spec"]["monitoring"]["syntheticLogin"].is_null() {
        bail!(
            "the operator signs in at stacks with spec.monitoring.syntheticLogin only: set it, or name an address of yours with --email"
        );
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let request = format!("kubectl-ping-{}", now.as_millis());
    cluster.patch(&stack, &json!({ "metadata": { "annotations": { ANNOTATION: request } } })).await?;
    eprintln!("login:   asked the operator to sign in at {stack}");
    let end = Instant::now() + arguments.deadline.max(LEAST_DEADLINE);
    loop {
        let now = cluster.json(&get).await?;
        if let Some(result) = result(&now, &request) {
            println!("{}", result?);
            return Ok(());
        }
        if Instant::now() > end {
            bail!("the operator has not signed in: see whether it runs, and its log");
        }
        sleep(POLL).await;
    }
}

/// What came of the request; `None` before that is known.
fn result(stack: &Value, request: &str) -> Option<Result<String>> {
    let last = &stack["status"]["syntheticLogin"];
    if last["request"] != request {
        return None;
    }
    let took = last["codeAfterMilliseconds"].as_f64().map(|milliseconds| milliseconds / 1000.0);
    let conditions = stack["status"]["conditions"].as_array();
    let condition = conditions.and_then(|all| all.iter().find(|one| one["type"] == "SignInWorks"));
    let message = condition.and_then(|one| one["message"].as_str()).unwrap_or_default();
    Some(match (last["reason"].as_str(), took) {
        (Some("SignedIn"), Some(took)) => {
            Ok(format!("the operator signed in: the code came by mail after {took:.1} s"))
        }
        (reason, _) => Err(anyhow::anyhow!("{message}"))
            .with_context(|| format!("the operator could not sign in ({})", reason.unwrap_or("no reason"))),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::result;

    #[test]
    fn only_the_answer_to_this_request_counts() {
        let stack = |reason: &str| {
            json!({ "status": {
                "syntheticLogin": { "request": "r", "reason": reason, "codeAfterMilliseconds": 740 },
                "conditions": [{ "type": "SignInWorks", "message": "the mail did not come" }],
            } })
        };
        assert!(result(&json!({}), "r").is_none());
        assert!(result(&stack("SignedIn"), "another").is_none());
        let said = result(&stack("SignedIn"), "r").unwrap().unwrap();
        assert_eq!(said, "the operator signed in: the code came by mail after 0.7 s");
        let error = format!("{:#}", result(&stack("MailMissing"), "r").unwrap().unwrap_err());
        assert_eq!(error, "the operator could not sign in (MailMissing): the mail did not come");
    }
}
