//! Topology and `ping-topology` against a real `RabbitMQ`. Run as `dev/with-servers cargo test -p rabbitmq-management`.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use ping_contract::{
    topology::Desired,
    users::{Role, User},
};
use rabbitmq_management::{ApplyReport, Management, ManagementConfig, apply};
use test_kit::vhost::Vhost;

mod apply;
mod cluster;
mod conflict;
mod connections;
mod drift;
mod permissions;
mod program;
mod routing;

/// Sets up a vhost with the desired topology on it.
async fn applied_vhost() -> (Vhost, Desired) {
    let vhost = Vhost::create().await;
    let desired = desired(&vhost);
    let report = apply_to(&vhost, &desired).await;
    assert_eq!(report.conflicts, []);
    (vhost, desired)
}

fn desired(vhost: &Vhost) -> Desired {
    Desired::new(vhost.name())
}

async fn apply_to(vhost: &Vhost, desired: &Desired) -> ApplyReport {
    apply(&Management::new(&management_config(vhost)).unwrap(), desired).await.unwrap()
}

fn management_config(vhost: &Vhost) -> ManagementConfig {
    let broker = vhost.broker();
    ManagementConfig {
        url: broker.management_url.clone(),
        user: broker.user.clone(),
        password: broker.password.clone().into(),
        ca_file: None,
    }
}

/// A user of the role whose name no other test has: users are global to a broker.
fn user_of(vhost: &Vhost, role: Role) -> User {
    let name = format!("{}.{}", vhost.name(), role.name());
    User { name, role, password: format!("password of {}", role.name()), salt: [1, 2, 3, 4] }
}

/// Removes the users, which outlive the vhost.
async fn delete_users(vhost: &Vhost, desired: &Desired) {
    for user in &desired.users {
        vhost.management().delete(&format!("/api/users/{}", user.name)).await;
    }
}
