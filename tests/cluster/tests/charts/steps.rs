//! The steps, in order. Each builds upon those before.

use cluster::{CRD, deadline};

use crate::life::Life;

/// How long objects may take to be gone.
const GONE: &str = "120s";

impl Life<'_> {
    pub(crate) async fn perform(&self) {
        self.step("the_previous_chart_installs", self.the_previous_chart_installs()).await;
        self.step("a_stack_installs_and_is_ready", self.a_stack_installs_and_is_ready()).await;
        self.step("helm_test_signs_in", self.signs_in()).await;
        self.step("this_chart_upgrades_the_previous_one", self.this_chart_upgrades_the_previous_one()).await;
        let edited = self.what_somebody_has_edited_stays_through_make_up();
        self.step("what_somebody_has_edited_stays_through_make_up", edited).await;
        let dry_runs = self.every_sample_passes_a_server_side_dry_run();
        self.step("every_sample_passes_a_server_side_dry_run", dry_runs).await;
        let samples = self.the_chart_makes_the_same_stack_as_each_sample();
        self.step("the_chart_makes_the_same_stack_as_each_sample", samples).await;
        let uninstall = self.an_uninstall_keeps_the_crd_and_stacks_go_on();
        self.step("an_uninstall_keeps_the_crd_and_stacks_go_on", uninstall).await;
        let kubectl = self.helm_template_and_kubectl_apply_install();
        self.step("helm_template_and_kubectl_apply_install", kubectl).await;
        self.step("the_operator_installed_by_kubectl_goes", self.the_operator_installed_by_kubectl_goes())
            .await;
        self.step("install_yaml_installs", self.install_yaml_installs()).await;
        let volumes = self.an_uninstalled_stack_leaves_its_volumes_alone();
        self.step("an_uninstalled_stack_leaves_its_volumes_alone", volumes).await;
    }

    async fn the_previous_chart_installs(&self) {
        self.operator_chart("install", &self.previous).await;
    }

    async fn a_stack_installs_and_is_ready(&self) {
        let charts =
            if self.previous.join("pingstack").is_dir() { self.previous.clone() } else { self.charts() };
        self.stack_chart("install", &charts, &[]).await;
        // Helm takes a PingStack that the operator has not seen yet for ready.
        self.case
            .kubectl(&["wait", "pingstack", "demo", "--for", "condition=Ready", "--timeout", "300s"])
            .await;
    }

    async fn this_chart_upgrades_the_previous_one(&self) {
        self.operator_chart("upgrade", &self.charts()).await;
        let test = ["test", "ping-operator", "--namespace", &self.operator, "--logs", "--timeout", "300s"];
        let said = self.case.helm(&test).await;
        assert!(said.contains("ok: a replica reconciles"), "{said}");
        self.stack_chart("upgrade", &self.charts(), &["login.maxAttempts=4"]).await;
        let attempts = ["get", "pingstack", "demo", "--output", "jsonpath={.spec.login.maxAttempts}"];
        assert_eq!(self.case.kubectl(&attempts).await, "4");
        self.signs_in().await;
    }

    /// `make up` upgrades in this way.
    async fn what_somebody_has_edited_stays_through_make_up(&self) {
        let patch = r#"{"spec":{"login":{"maxAttempts":5}}}"#;
        let edit = ["patch", "pingstack", "demo", "--type", "merge", "--patch", patch];
        self.case.kubectl(&[&edit[..], &["--field-manager", "kubectl-edit"]].concat()).await;
        self.stack_chart_as_make_up(&["login.maxAttempts=4", "login.resendAfterSeconds=61"]).await;
        let login = ["get", "pingstack", "demo", "--output"];
        let fields = "jsonpath={.spec.login.maxAttempts} {.spec.login.resendAfterSeconds}";
        assert_eq!(self.case.kubectl(&[&login[..], &[fields]].concat()).await, "5 61");
    }

    async fn an_uninstall_keeps_the_crd_and_stacks_go_on(&self) {
        let uninstall =
            ["uninstall", "ping-operator", "--namespace", &self.operator, "--wait", "--timeout", GONE];
        self.case.helm(&uninstall).await;
        self.case.wait_no_api_service(deadline::OPERATOR).await;
        let mut pods = vec!["--namespace", self.operator.as_str(), "wait", "pod", "--for", "delete"];
        pods.extend(["--selector", "app.kubernetes.io/name=ping-operator", "--timeout", GONE]);
        self.case.kubectl(&pods).await;
        self.assert_crd_is_there().await;
        self.case.kubectl(&["get", "pingstack", "demo"]).await;
        self.signs_in().await;
    }

    async fn helm_template_and_kubectl_apply_install(&self) {
        let chart = self.charts().join("ping-operator").display().to_string();
        let template = ["template", "ping-operator", &chart, "--namespace", &self.operator, "--skip-tests"];
        let manifest = self.case.helm(&template).await;
        let apply = ["apply", "--server-side", "--filename", "-"];
        self.case.kubectl_with_input(&apply, &manifest).await;
        self.wait_operator(&self.operator).await;

        let chart = self.charts().join("pingstack").display().to_string();
        let mut template =
            vec!["template", "demo", &chart, "--namespace", &self.case.namespace, "--skip-tests"];
        let settings = [
            "mailpit.enabled=true",
            "nameOverride=again",
            "userService.replicas=1",
            "rabbitmq.managed.resources.requests.cpu=20m",
        ];
        template.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        let manifest = self.case.helm(&template).await;
        self.case.kubectl_with_input(&["apply", "--server-side", "--filename", "-"], &manifest).await;
        self.case
            .kubectl(&["wait", "pingstack/again", "--for", "condition=Ready", "--timeout", "240s"])
            .await;
        self.case.kubectl_with_input(&["delete", "--filename", "-"], &manifest).await;
    }

    async fn the_operator_installed_by_kubectl_goes(&self) {
        let delete = ["delete", "--timeout", GONE, "--filename", "-"];
        self.case.kubectl_with_input(&delete, &self.without_crd().await.expect("a manifest")).await;
        self.case.wait_no_api_service(deadline::OPERATOR).await;
        self.assert_crd_is_there().await;
    }

    async fn install_yaml_installs(&self) {
        let install = self.case.cluster.repository.join("k8s/install.yaml").display().to_string();
        let apply = ["apply", "--server-side", "--filename", &install];
        self.case.kubectl_with_input(&apply, "").await;
        self.wait_operator("ping-system").await;
        // It reconciles: a changed spec is observed.
        let patch = r#"{"spec":{"login":{"maxAttempts":3}}}"#;
        self.case.kubectl(&["patch", "pingstack", "demo", "--type", "merge", "--patch", patch]).await;
        let generation = ["get", "pingstack", "demo", "--output", "jsonpath={.metadata.generation}"];
        let generation = self.case.kubectl(&generation).await;
        let observed = format!("jsonpath={{.status.observedGeneration}}={generation}");
        self.case.kubectl(&["wait", "pingstack/demo", "--for", &observed, "--timeout", GONE]).await;
    }

    async fn an_uninstalled_stack_leaves_its_volumes_alone(&self) {
        let namespace = &self.case.namespace;
        self.case.helm(&["uninstall", "demo", "--namespace", namespace, "--wait", "--timeout", GONE]).await;
        self.case.kubectl(&["wait", "pod", "--all", "--for", "delete", "--timeout", GONE]).await;
        let claims = self.case.kubectl(&["get", "pvc", "--output", "name"]).await;
        assert_eq!(claims.lines().count(), 4, "Redis and RabbitMQ of both stacks: {claims}");
        let delete = ["delete", "--timeout", GONE, "--filename", "-"];
        self.case.kubectl_with_input(&delete, &self.install_without_crd().await.expect("a manifest")).await;
        self.assert_crd_is_there().await;
    }

    async fn wait_operator(&self, namespace: &str) {
        let status = ["rollout", "status", "deployment/ping-operator", "--timeout", "180s"];
        self.case.kubectl(&[&["--namespace", namespace], &status[..]].concat()).await;
    }

    async fn assert_crd_is_there(&self) {
        self.case.kubectl(&["get", "crd", CRD]).await;
    }
}
