//! The Job that sends one test mail, where the spec asks for one. Its name carries a hash of the recipient and of all
//! settings of the mail server: another setting is another Job, the same setting never a second mail.
//!
//! mail-service's own program sends it, with the mail server's settings and nothing else: no credentials of Redis or
//! the broker. What it found out is its termination message, so that the mail server's password never is the operator's.

use k8s_openapi::api::batch::v1::Job;
use ping_contract::test_mail::EXIT_FINAL;
use pingstack_crd::smtp::Smtp;
use serde_json::{Value, json};

use super::{
    Context, Error,
    connections::{self, Connections},
    mail_service, metadata, object,
    pod::{self, SERVICE_UID, env},
    pod_template,
};
use crate::names::Part;

/// The container's name.
pub(in crate::controller) const CONTAINER: &str = "test-mail";

/// Further tries, where the mail server is away or asks to come back: over some ten minutes, as the kubelet doubles
/// the wait from 10 s.
const TRIES: i32 = 6;

/// Longer than all of them.
const DEADLINE_SECONDS: i64 = 1800;

/// It, if the spec asks for one.
pub(super) fn job(context: &Context<'_>) -> Result<Option<Job>, Error> {
    let id = &context.stack.id;
    let smtp = &context.stack.spec.smtp;
    let Some(recipient) = &smtp.test_recipient else { return Ok(None) };
    let mut mail_server = Connections::default();
    connections::add_mail_server(context, &mut mail_server);
    let name = format!("{}-{}", id.test_mail(), hash(smtp, &mail_server));
    let template = json!({
        "metadata": { "labels": id.test_mail_selector() },
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": id.part(Part::MailService),
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": pod::pod_security(context, SERVICE_UID),
            "containers": [container(context, recipient, &mail_server)],
            "volumes": mail_server.volumes,
        },
    });
    let template = pod_template::finish_job(context, Part::MailService, template)?;
    let job = object(json!({
        "metadata": metadata(id, Part::MailService, &name),
        "spec": {
            "backoffLimit": TRIES,
            "activeDeadlineSeconds": DEADLINE_SECONDS,
            "podFailurePolicy": { "rules": [
                { "action": "Ignore", "onPodConditions": [{ "type": "DisruptionTarget", "status": "True" }] },
                {
                    "action": "FailJob",
                    "onExitCodes": { "containerName": CONTAINER, "operator": "In", "values": [EXIT_FINAL] },
                },
            ] },
            "template": template,
        },
    }));
    job.map(Some)
}

fn container(context: &Context<'_>, recipient: &str, mail_server: &Connections) -> Value {
    let spec = &context.stack.spec;
    let own = vec![env("TEST_MAIL_RECIPIENT", recipient), env("LOG_FORMAT", "json")];
    let env = [own, mail_server.env.clone()].concat();
    json!({
        "name": CONTAINER,
        "image": spec.mail_service.image.as_ref().unwrap_or(&context.platform.images.mail_service),
        "imagePullPolicy": context.platform.image_pull_policy,
        "args": ["test-mail"],
        "env": env,
        "resources": pod::resources(&spec.mail_service.resources, mail_service::RESOURCES),
        "securityContext": pod::container_security(),
        "volumeMounts": mail_server.mounts,
    })
}

/// Eight hex digits: a name has room for no more, and a user has few settings.
fn hash(smtp: &Smtp, mail_server: &Connections) -> String {
    let text = serde_json::to_string(smtp).unwrap_or_default(); // texts and numbers always serialise
    let mut hash = mail_server.hash.clone().bytes(text).finish();
    hash.truncate(8);
    hash
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::batch::v1::Job;
    use kube::ResourceExt as _;
    use pingstack_crd::PingStack;

    use crate::{
        controller::{build::build, dereference::References, validate::validate},
        fixtures::{self, MINIMAL},
    };

    fn stack(recipient: &str) -> PingStack {
        let mut stack = fixtures::stack(MINIMAL);
        stack.spec.smtp.test_recipient = Some(recipient.to_owned());
        stack
    }

    fn job(stack: &PingStack, references: References) -> Job {
        let stack = validate(stack, references).unwrap();
        let plan = build(&stack, &fixtures::platform(), &fixtures::entropy()).unwrap();
        plan.resources.jobs.into_iter().next().unwrap()
    }

    #[test]
    fn nobody_gets_a_mail_unless_the_spec_asks_for_one() {
        let plan = build(&fixtures::validated(MINIMAL), &fixtures::platform(), &fixtures::entropy()).unwrap();
        assert!(plan.resources.jobs.is_empty());
        assert!(plan.resources.network_policies.iter().all(|one| one.name_any() != "demo-test-mail"));
    }

    #[test]
    fn another_recipient_setting_or_password_is_another_mail_and_nothing_else_is() {
        let with = |change: fn(&mut PingStack)| {
            let mut stack = stack("ada@example.org");
            change(&mut stack);
            job(&stack, fixtures::references()).name_any()
        };
        let first = with(|_| ());
        assert_eq!(with(|stack| stack.spec.mail_service.concurrency = 3), first);
        assert_eq!(with(|stack| stack.spec.mail_service.image = Some("newer".to_owned())), first);
        assert_ne!(with(|stack| stack.spec.smtp.test_recipient = Some("bob@example.org".to_owned())), first);
        assert_ne!(with(|stack| stack.spec.smtp.port = 26), first);
    }

    #[test]
    fn a_new_password_is_tried_at_once() {
        let mut stack = stack("ada@example.org");
        stack.spec.smtp.tls = pingstack_crd::smtp::SmtpTls::StartTls;
        stack.spec.smtp.credentials_secret_ref =
            Some(pingstack_crd::references::SecretRef { name: "smtp".to_owned() });
        let mut references = fixtures::references();
        let before = job(&stack, references.clone()).name_any();
        let changed = fixtures::secret("smtp", &[("EMAIL_USER", "u"), ("EMAIL_PASSWORD", "other")]);
        references.secrets.insert("smtp".to_owned(), Some(changed));
        assert_ne!(job(&stack, references).name_any(), before);
    }
}
