//! What mail-service's pods get for mails of the style `Branded`: a copy of the brand and of checked templates, and where it is.
//! Without that style they get nothing.

use k8s_openapi::api::core::v1::ConfigMap;
use pingstack_crd::mail::Mail;
use serde_json::{Value, json};

use super::{Context, Error, connections::Connections, metadata, object, pod::env};
use crate::{
    controller::branding::files::{BRAND, Copy},
    names::Part,
};

/// The volume with the copy.
pub(in crate::controller) const MAIL_VOLUME: &str = "mail-templates";

/// Where it is mounted.
const FOLDER: &str = "/etc/ping/mail";

/// The folder in it that has the templates alone.
const TEMPLATES: &str = "templates";

/// The copy. It cannot be changed: another content has another name, which rolls the pods.
pub(super) fn config_map(context: &Context<'_>) -> Result<Option<ConfigMap>, Error> {
    let Some(branding) = &context.stack.branding else { return Ok(None) };
    let id = &context.stack.id;
    let config_map = object(json!({
        "metadata": metadata(id, Part::MailService, &branding.copy.name(id)),
        "immutable": true,
        "data": branding.copy.data(),
    }));
    config_map.map(Some)
}

/// Variables, volume and mount.
pub(super) fn add(context: &Context<'_>, connections: &mut Connections) {
    let Some(branding) = &context.stack.branding else { return };
    let copy = &branding.copy;
    connections.env.extend(variables(&context.stack.spec.mail, copy));
    connections.volumes.push(json!({
        "name": MAIL_VOLUME,
        "configMap": { "name": copy.name(&context.stack.id), "items": items(copy) },
    }));
    connections.mounts.push(json!({ "name": MAIL_VOLUME, "mountPath": FOLDER, "readOnly": true }));
}

fn variables(mail: &Mail, copy: &Copy) -> Vec<Value> {
    let mut variables = vec![
        env("MAIL_TEMPLATES", "branded"),
        env("MAIL_BRAND_FILE", format!("{FOLDER}/{BRAND}")),
        env("MAIL_DEFAULT_LOCALE", &mail.locales.default),
        env("MAIL_CODE_IN_SUBJECT", mail.templates.code_in_subject),
        env("MAIL_LOCALE_FROM_HEADER", mail.locales.from_header),
    ];
    if !copy.files.is_empty() {
        variables.push(env("MAIL_TEMPLATES_DIR", format!("{FOLDER}/{TEMPLATES}")));
    }
    variables
}

/// The brand beside the folder of templates, in which mail-service takes every file for one.
fn items(copy: &Copy) -> Vec<Value> {
    let brand = json!({ "key": BRAND, "path": BRAND });
    let files = copy.files.names().map(|name| json!({ "key": name, "path": format!("{TEMPLATES}/{name}") }));
    [brand].into_iter().chain(files).collect()
}

#[cfg(test)]
mod tests {
    use pingstack_crd::{
        PingStack,
        mail::{Brand, TemplateStyle},
    };
    use serde_json::{Value, json};

    use crate::{
        controller::{
            branding::{
                checks::Passed,
                files_of,
                source::{Sources, Wanted},
            },
            build::{Plan, build},
            dereference::References,
            validate::validate,
        },
        fixtures::{self, MINIMAL},
    };

    fn plan(stack: &PingStack, sources: Option<Sources>) -> Plan {
        let references = References { branding: sources, ..fixtures::references() };
        let validated = validate(stack, references).unwrap();
        build(&validated, &fixtures::platform(), &fixtures::entropy()).unwrap()
    }

    fn branded(files: &[(&str, &str)]) -> Plan {
        let passed = Passed { files: files_of(files), ..Passed::shipped() };
        let wanted = Wanted::Read { name: "mail-words".to_owned(), checked: Ok(passed) };
        plan(&fixtures::branded(), Some(Sources { wanted, last_good: None }))
    }

    fn pod(plan: &Plan) -> Value {
        let mut deployments = plan.resources.deployments.iter();
        let found = deployments.find(|one| one.metadata.name.as_deref() == Some("demo-mail-service"));
        serde_json::to_value(found.unwrap()).unwrap()["spec"]["template"]["spec"].clone()
    }

    fn variable(pod: &Value, name: &str) -> Value {
        let mut env = pod["containers"][0]["env"].as_array().unwrap().iter();
        env.find(|variable| variable["name"] == name)
            .map_or(Value::Null, |variable| variable["value"].clone())
    }

    #[test]
    fn without_a_brand_the_deployment_is_as_it_was() {
        let plain = plan(&fixtures::stack(MINIMAL), None);
        let pod_of_plain = pod(&plain);
        let text = pod_of_plain.to_string();
        for word in ["MAIL_TEMPLATES", "MAIL_BRAND_FILE", "MAIL_DEFAULT_LOCALE", "/etc/ping/mail"] {
            assert!(!text.contains(word), "{word}");
        }
        assert_eq!(plain.resources.config_maps.len(), 2, "those of Redis and RabbitMQ");
        // Everything of `spec.mail` but the style is for branded mails.
        let mut original = fixtures::branded();
        original.spec.mail.templates.style = TemplateStyle::Original;
        original.spec.mail.brand = Brand { name: Some("Ping".to_owned()), ..Brand::default() };
        assert_eq!(pod(&plan(&original, None)), pod_of_plain);
    }

    #[test]
    fn pods_mount_the_copy_and_nothing_of_the_users_config_map() {
        let plan = branded(&[("words.de.json", "{}"), ("code.txt", "{{ code }}")]);
        let pod = pod(&plan);
        let copies = plan.resources.config_maps.iter();
        let copy = copies.filter(|one| one.immutable == Some(true)).collect::<Vec<_>>();
        let [copy] = copy[..] else { panic!("one copy") };
        let name = copy.metadata.name.as_deref().unwrap();
        let items = json!([
            { "key": "brand.json", "path": "brand.json" },
            { "key": "code.txt", "path": "templates/code.txt" },
            { "key": "words.de.json", "path": "templates/words.de.json" },
        ]);
        let volumes = pod["volumes"].as_array().unwrap();
        assert!(
            volumes.contains(
                &json!({ "name": "mail-templates", "configMap": { "name": name, "items": items } })
            ),
            "{volumes:?}"
        );
        assert!(!pod.to_string().contains("mail-words"));
        for (variable_name, value) in [
            ("MAIL_TEMPLATES", "branded"),
            ("MAIL_BRAND_FILE", "/etc/ping/mail/brand.json"),
            ("MAIL_TEMPLATES_DIR", "/etc/ping/mail/templates"),
            ("MAIL_DEFAULT_LOCALE", "en"),
            ("MAIL_CODE_IN_SUBJECT", "true"),
            ("MAIL_LOCALE_FROM_HEADER", "true"),
        ] {
            assert_eq!(variable(&pod, variable_name), value, "{variable_name}");
        }
    }

    #[test]
    fn without_files_of_their_own_pods_have_the_brand_alone() {
        let plan = branded(&[]);
        let pod = pod(&plan);
        assert_eq!(variable(&pod, "MAIL_TEMPLATES_DIR"), Value::Null);
        assert_eq!(variable(&pod, "MAIL_TEMPLATES"), "branded");
        let copy = plan.resources.config_maps.iter().find(|one| one.immutable == Some(true)).unwrap();
        let keys = copy.data.clone().unwrap().into_keys().collect::<Vec<_>>();
        assert_eq!(keys, ["brand.json"]);
    }

    #[test]
    fn another_word_is_another_copy_and_rolls_the_pods() {
        let one = branded(&[("words.de.json", "{}")]);
        let other = branded(&[("words.de.json", "{ }")]);
        assert_ne!(pod(&one), pod(&other));
        assert_eq!(pod(&one), pod(&branded(&[("words.de.json", "{}")])));
    }
}
