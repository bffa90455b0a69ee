//! Names of Services.

use cluster::Case;

use crate::pod::{TestPod, shell};

/// Short names need the search domains of the pod. A name that does not exist must be a response, not a time-out.
#[tokio::test]
async fn names_of_services_resolve() {
    Case::without_operator(async |case: &Case| {
        TestPod::client(case, "name-client").start().await;
        for name in ["kubernetes.default.svc.cluster.local", "kubernetes.default"] {
            shell(case, "name-client", &format!("getent hosts {name}")).await.expect("the name resolves");
        }
        // 2 is getent's status for a name that does not exist; 124 would be the time-out.
        let missing = "timeout 10 getent hosts no-such-service.default.svc.cluster.local; [ $? = 2 ]";
        shell(case, "name-client", missing).await.expect("a name that does not exist is answered");
    })
    .await;
}
