//! Volumes of restricted pods.

use std::path::Path;

use cluster::{Case, Way, deadline, wait::eventually};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};
use kube::Api;

use crate::pod::{TestPod, claim, remove, shell};

#[tokio::test]
async fn volume_of_a_restricted_pod_keeps_its_data_over_a_restart() {
    Case::without_operator(async |case: &Case| {
        claim(case, "volume-claim").await;
        TestPod::client(case, "writer").with_claim("/data", "volume-claim").start().await;
        shell(case, "writer", "echo kept >/data/file").await.expect("the volume can be written");
        remove(case, "writer").await;
        TestPod::client(case, "reader").with_claim("/data", "volume-claim").start().await;
        assert_eq!(shell(case, "reader", "cat /data/file").await.expect("the file").trim(), "kept");
        the_folder_goes_with_the_claim(case).await;
    })
    .await;
}

async fn the_folder_goes_with_the_claim(case: &Case) {
    let claim = case.get::<PersistentVolumeClaim>("volume-claim").await;
    let volume = claim.spec.and_then(|spec| spec.volume_name).expect("the claim is bound");
    let volumes: Api<PersistentVolume> = Api::all(case.kube().clone());
    let spec = volumes.get(&volume).await.expect("the volume").spec.expect("a spec");
    let path = spec.local.map(|local| local.path).or(spec.host_path.map(|host| host.path));
    let node = case.get::<Pod>("reader").await.spec.and_then(|spec| spec.node_name).expect("a node");
    remove(case, "reader").await;
    case.delete::<PersistentVolumeClaim>("volume-claim").await;
    eventually(format!("the volume {volume} to be gone"), deadline::MAIL, async || {
        let found = volumes.get_opt(&volume).await.map_err(|error| error.to_string())?;
        cluster::wait::seen(found.is_none(), || "it is there".to_owned())
    })
    .await;
    assert!(!exists_on_node(case, &node, path.as_deref()).await, "{path:?} is still there on {node}");
}

/// Whether the folder of a volume is there; of another's cluster only the volume object is seen.
async fn exists_on_node(case: &Case, node: &str, path: Option<&str>) -> bool {
    match case.cluster.way {
        Way::Local => {
            let below = path.and_then(|path| path.strip_prefix("/var/lib/ping-node/"));
            let below = below.expect("the volume is a folder of the node");
            let name = node.strip_prefix("ping-").unwrap_or(node);
            let folder = case.cluster.repository.join(".build/k8s").join(name);
            assert!(folder.is_dir(), "{} is not the folder of a node", folder.display());
            folder.join(Path::new(below)).exists()
        }
        Way::Kind => {
            let path = path.expect("the volume is a folder of the node");
            let probe = format!("if test -e '{path}'; then echo there; fi");
            !case.program("docker", &["exec", node, "sh", "-c", &probe]).await.is_empty()
        }
        Way::Current => false,
    }
}
