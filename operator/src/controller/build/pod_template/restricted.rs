//! What the Pod Security Standard `restricted` refuses in a container.

use serde_json::Value;

use super::layers::items;

/// The types of SELinux that `restricted` admits.
const SELINUX_TYPES: [&str; 4] = ["container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

/// The field of a container's security settings that `restricted` refuses.
pub(super) fn of_security(security: &Value) -> Option<&'static str> {
    let capabilities = &security["capabilities"];
    let drops_all = items(&capabilities["drop"]).any(|capability| capability == "ALL");
    let mut added = items(&capabilities["add"]);
    let unconfined = |profile: &str| security[profile]["type"] == "Unconfined";
    let rules = [
        ("privileged", security["privileged"] == true),
        ("allowPrivilegeEscalation", security["allowPrivilegeEscalation"] == true),
        ("runAsUser", security["runAsUser"] == 0),
        ("runAsNonRoot", security["runAsNonRoot"] == false),
        ("capabilities.add", added.any(|capability| capability != "NET_BIND_SERVICE")),
        ("capabilities.drop", !capabilities["drop"].is_null() && !drops_all),
        ("seccompProfile", unconfined("seccompProfile")),
        ("appArmorProfile", unconfined("appArmorProfile")),
        ("procMount", !matches!(security["procMount"].as_str(), None | Some("Default"))),
        ("seLinuxOptions", leaves_its_domain(&security["seLinuxOptions"])),
        ("windowsOptions", security["windowsOptions"]["hostProcess"] == true),
    ];
    rules.into_iter().find(|(_, is_broken)| *is_broken).map(|(name, _)| name)
}

/// Whether these options of SELinux lead out of the domains of containers.
fn leaves_its_domain(options: &Value) -> bool {
    let given = |name: &str| options[name].as_str().filter(|text| !text.is_empty());
    given("user").is_some()
        || given("role").is_some()
        || given("type").is_some_and(|type_| !SELINUX_TYPES.contains(&type_))
}

/// The field with which a container reaches into the network of its node, or lets the kubelet ask another address than the
/// pod's.
pub(super) fn of_network(container: &Value) -> Option<String> {
    if items(&container["ports"]).any(|port| port["hostPort"].as_i64().unwrap_or(0) != 0) {
        return Some("ports.hostPort".to_owned());
    }
    let handlers =
        ["/livenessProbe", "/readinessProbe", "/startupProbe", "/lifecycle/postStart", "/lifecycle/preStop"];
    let fields = handlers.into_iter().flat_map(|handler| {
        ["httpGet", "tcpSocket"].into_iter().map(move |way| format!("{handler}/{way}/host"))
    });
    let is_given = |field: &String| {
        container.pointer(field).and_then(Value::as_str).is_some_and(|host| !host.is_empty())
    };
    let field = fields.into_iter().find(is_given)?;
    Some(field.trim_start_matches('/').replace('/', "."))
}
