//! The condition `IngressAdmitted`.

use crate::{
    conditions::{ConditionType, Finding},
    controller::validate::ValidatedStack,
    platform::Platform,
};

/// Whether the network policies let the ingress controller in; `None` where there is no Ingress, or no policy.
#[must_use]
pub fn of_ingress(stack: &ValidatedStack, platform: &Platform) -> Option<Finding> {
    const TYPE: ConditionType = ConditionType::IngressAdmitted;
    stack.spec.user_service.ingress.as_ref().filter(|_| stack.spec.network_policy.enabled)?;
    let networks = stack.spec.login.trusted_proxies.join(", ");
    Some(match &platform.ingress_namespace {
        Some(namespace) => Finding::good(
            TYPE,
            "Admitted",
            format!("the network policies let in the namespace {namespace} and the networks {networks}"),
        ),
        None => Finding::bad(
            TYPE,
            "IngressNamespaceUnknown",
            format!(
                "the operator does not know where the ingress controller runs, so its network policies let in the networks \
                 {networks} (login.trustedProxies) alone, which is enough for a controller on the nodes' own network and, with \
                 some network plug-ins, not for one with pod addresses: set neighbours.ingressNamespace in the values of the \
                 operator's chart"
            ),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::of_ingress;
    use crate::{
        fixtures::{self, FULL, MINIMAL},
        platform::Platform,
    };

    #[test]
    fn an_ingress_whose_controller_may_be_kept_out_is_warned_of() {
        let known = fixtures::platform();
        let unknown = Platform { ingress_namespace: None, ..fixtures::platform() };
        let mut stack = fixtures::validated(FULL);
        assert!(stack.spec.user_service.ingress.is_some(), "the sample has an ingress");
        assert_eq!(of_ingress(&stack, &known).unwrap().reason, "Admitted");
        let warning = of_ingress(&stack, &unknown).unwrap();
        assert_eq!((warning.status, warning.reason.as_str()), ("False", "IngressNamespaceUnknown"));
        assert!(warning.message.contains("set neighbours.ingressNamespace"), "{}", warning.message);
        stack.spec.network_policy.enabled = false;
        assert_eq!(of_ingress(&stack, &unknown), None);
        assert_eq!(of_ingress(&fixtures::validated(MINIMAL), &unknown), None);
    }
}
