use pingstack_crd::PingStack;
use serde_json::Value;

use super::{super::build, Monitoring};
use crate::{
    controller::validate::validate,
    fixtures::{self, FULL},
    platform::Platform,
};

fn monitored() -> PingStack {
    let mut stack = fixtures::stack(FULL);
    stack.spec.monitoring.service_monitor = true;
    stack.spec.monitoring.prometheus_rule = true;
    stack.spec.monitoring.labels = [
        ("release", "prometheus"),
        // What finds our own objects again is not the user's to say.
        ("app.kubernetes.io/managed-by", "somebody"),
    ]
    .map(|(label, value)| (label.to_owned(), value.to_owned()))
    .into();
    stack
}

fn built(stack: &PingStack, platform: &Platform) -> (Monitoring, Vec<String>) {
    let validated = validate(stack, fixtures::references()).unwrap();
    let plan = build(&validated, platform, &fixtures::entropy()).unwrap();
    let services = plan.resources.services.iter().filter_map(|service| service.metadata.name.clone());
    (plan.monitoring, services.collect())
}

fn objects(monitoring: &Monitoring) -> Vec<Value> {
    let objects = monitoring.objects.iter().filter_map(|optional| optional.object.as_ref());
    objects.map(|object| serde_json::to_value(object).unwrap()).collect()
}

#[test]
fn what_is_asked_for_is_built() {
    let (monitoring, services) = built(&monitored(), &fixtures::platform());
    insta::assert_yaml_snapshot!(objects(&monitoring));
    assert!(services.contains(&"full-mail-service".to_owned()) && !monitoring.shut_out);
}

#[test]
fn what_is_not_asked_for_is_not_there() {
    let (monitoring, services) = built(&fixtures::stack(FULL), &fixtures::platform());
    assert_eq!(objects(&monitoring), Vec::<Value>::new());
    assert_eq!(monitoring.objects.len(), 2, "both may have to go");
    assert!(!services.contains(&"full-mail-service".to_owned()));
}

#[test]
fn every_alert_looks_at_its_own_stack_alone() {
    let (monitoring, _) = built(&monitored(), &fixtures::platform());
    let groups = objects(&monitoring)[1]["spec"]["groups"].as_array().unwrap().clone();
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
    let expressions = rules.map(|rule| rule["expr"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert!(!expressions.is_empty());
    for expression in expressions {
        let selectors = expression.matches('{').count();
        let ours = expression.matches(r#"{namespace="team",pingstack="full""#).count();
        let metrics = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let metrics =
            metrics.filter(|word| word.starts_with("ping_") || word.starts_with("pingstack_")).count();
        assert_eq!((selectors, metrics), (ours, ours), "{expression}");
    }
}

#[test]
fn policies_that_know_no_prometheus_are_reported() {
    let platform = Platform { prometheus_namespace: None, ..fixtures::platform() };
    assert!(built(&monitored(), &platform).0.shut_out);
    let mut open = monitored();
    open.spec.network_policy.enabled = false;
    assert!(!built(&open, &platform).0.shut_out);
}
