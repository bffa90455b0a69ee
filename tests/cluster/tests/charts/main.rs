//! The life of both charts on the cluster in use: the charts of the previous release, an upgrade to these, `helm test` with a
//! sign-in, uninstall; the same with kubectl; `k8s/install.yaml`; and the samples. `make test-charts` runs it.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::large_futures,
    reason = "a step that fails panics with what to do, and each case runs once"
)]

mod life;
mod others;
mod samples;
mod steps;

use cluster::{Case, PodSecurity};

use life::Life;

/// One case, because each step builds upon those before. An operator of the cluster cases is stopped meanwhile; the CRD and all
/// stacks stay.
#[tokio::test]
async fn the_charts_install_upgrade_and_uninstall() {
    Case::without_operator(async |case: &Case| {
        let stopped = others::stop(case).await;
        let operator = case.create_namespace("operator", PodSecurity::Restricted).await;
        let life = Life::new(case, operator).await;
        case.with_cleanup(life.perform(), life.clean_up(stopped)).await;
    })
    .await;
}
