use serde_json::{Value, json};
use test_kit::fake_api::FakeApi;
use tokio::sync::watch;

use super::{Demand, MetricsGroup, Registration, Settings, Slot, Slots, demand_of_custom};

const SERVICES: &str = "/apis/apiregistration.k8s.io/v1/apiservices";
const EXTERNAL: &str = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io";
const CUSTOM: &str = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta2.custom.metrics.k8s.io";

fn registration(api: &FakeApi) -> Registration {
    let role = json!({ "metadata": { "name": "queue-metrics", "uid": "role-1" } });
    api.put("/apis/rbac.authorization.k8s.io/v1/clusterroles/queue-metrics", role);
    let settings = Settings {
        manager: "queue-metrics".to_owned(),
        namespace: "queues".to_owned(),
        pod_name: "queue-metrics-1".to_owned(),
        service: "queue-metrics".to_owned(),
        secret: "queue-metrics".to_owned(),
        cluster_role: "queue-metrics".to_owned(),
    };
    let (_, demand) = watch::channel(Demand::Unknown);
    let (slots, _) = watch::channel(Slots::default());
    Registration::new(api.client(), settings, &MetricsGroup::ALL, demand, slots)
}

/// What the external and the custom API come to, one look after the other.
async fn look(api: &FakeApi, demand: Demand) -> Slots {
    let registration = registration(api);
    let (external, _) = registration.register(MetricsGroup::External, "CA", demand).await.unwrap();
    let demand = demand_of_custom(&external, demand);
    let (custom, _) = registration.register(MetricsGroup::Custom, "CA", demand).await.unwrap();
    Slots { external, custom }
}

fn of_somebody_else(name: &str, service: &str) -> Value {
    json!({
        "metadata": { "name": name },
        "spec": {
            "groupPriorityMinimum": 100, "versionPriority": 100,
            "service": { "namespace": "other", "name": service },
        },
    })
}

fn foreign(service: &str) -> Slot {
    Slot::Foreign(format!("the Service {service} in the namespace other"))
}

fn new() -> Slot {
    Slot::Ours(Err("NotLookedAtYet".to_owned()))
}

#[tokio::test]
async fn the_external_api_is_taken_where_it_is_needed_and_given_back_where_it_is_not() {
    let api = FakeApi::default();
    assert_eq!(look(&api, Demand::Unknown).await, Slots::default());
    assert_eq!(api.get(EXTERNAL), None, "nobody needs it yet");
    let ours = Slots { external: new(), custom: Slot::Unknown };
    assert_eq!(look(&api, Demand::Needed).await, ours);
    assert_eq!(api.get(CUSTOM), None);
    assert_eq!(look(&api, Demand::Unknown).await, ours, "a new leader does not know yet who needs it");
    assert_eq!(look(&api, Demand::Unneeded).await, Slots::default());
    assert_eq!(api.get(EXTERNAL), None);
}

#[tokio::test]
async fn the_custom_api_is_taken_where_the_external_one_is_somebody_elses_and_given_back_afterwards() {
    let api = FakeApi::default();
    api.put(EXTERNAL, of_somebody_else("v1beta1.external.metrics.k8s.io", "keda"));
    let before = api.get(EXTERNAL);
    assert_eq!(look(&api, Demand::Needed).await, Slots { external: foreign("keda"), custom: new() });
    assert_eq!(api.get(EXTERNAL), before, "somebody else's was changed");
    assert_eq!(api.get(CUSTOM).unwrap()["spec"]["service"]["name"], "queue-metrics");
    api.remove(EXTERNAL);
    assert_eq!(look(&api, Demand::Needed).await, Slots { external: new(), custom: Slot::Unknown });
    assert_eq!(api.get(CUSTOM), None, "one API is enough");
}

#[tokio::test]
async fn custom_metrics_of_an_adapter_are_left_alone_in_either_version() {
    for version in ["v1beta1", "v1beta2"] {
        let api = FakeApi::default();
        let name = format!("{version}.custom.metrics.k8s.io");
        api.put(EXTERNAL, of_somebody_else("v1beta1.external.metrics.k8s.io", "keda"));
        api.put(&format!("{SERVICES}/{name}"), of_somebody_else(&name, "adapter"));
        let before = api.objects();
        let slots = Slots { external: foreign("keda"), custom: foreign("adapter") };
        assert_eq!(look(&api, Demand::Needed).await, slots);
        assert_eq!(api.objects().len(), before.len() + 1, "besides the ClusterRole");
    }
}
