//! Rules and dashboard: promtool accepts them and its tests pass, each alert has a page and a test that sees it fire, and
//! every metric is one of `docs/metrics.md`.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::program::Program;
use crate::repository::Repository;

const OPERATOR_RULES: &str = "charts/ping-operator/files/alerts.yaml";
const DASHBOARD: &str = "charts/ping-operator/files/dashboard.json";
const METRICS: &str = "docs/metrics.md";
const RUNBOOKS: &str = "docs/runbooks";
const TESTS: &str = "monitoring/tests";

pub(crate) fn check(repository: &Repository) -> Result<String> {
    let monitoring = Monitoring::read(repository)?;
    promtool(repository, &monitoring)?;
    let violations = monitoring.violations();
    if !violations.is_empty() {
        bail!("correct these:\n  {}", violations.join("\n  "));
    }
    let alerts = monitoring.alerts().count();
    Ok(format!(
        "{alerts} alerts, each with a page and a test; {} metrics, all known",
        monitoring.metrics_asked_for().len()
    ))
}

fn promtool(repository: &Repository, monitoring: &Monitoring) -> Result<()> {
    let promtool = Program::new(repository.path("dev/tool")).argument("promtool").output()?;
    let promtool = || Program::new(promtool.trim_end()).inside(repository.root());
    promtool()
        .arguments(["check", "rules"])
        .arguments(&monitoring.rule_files)
        .quietly()
        .context("a rule cannot be read")?;
    promtool()
        .arguments(["test", "rules"])
        .arguments(&monitoring.test_files)
        .quietly()
        .context("an alert does not do what its test says")
}

struct Monitoring {
    rule_files: Vec<String>,
    test_files: Vec<String>,
    rules: Vec<Value>,
    tests: Vec<Value>,
    dashboard: Value,
    /// By the names that Prometheus stores.
    known_metrics: BTreeSet<String>,
    /// Names of the alerts that have one.
    pages: BTreeSet<String>,
}

impl Monitoring {
    fn read(repository: &Repository) -> Result<Self> {
        let mut rule_files = repository.files_below("operator/src", "/alerts.yaml")?;
        if rule_files.is_empty() {
            bail!("operator/src has no alerts.yaml with the alerts of a stack");
        }
        rule_files.push(OPERATOR_RULES.to_owned());
        let test_files = repository.files_below(TESTS, ".yaml")?;
        let rules = all_of(repository, &rule_files, "/groups/*/rules/*")?;
        let tests = all_of(repository, &test_files, "/tests/*/alert_rule_test/*")?;
        let pages = repository.files_below(RUNBOOKS, ".md")?;
        let names = pages
            .iter()
            .filter_map(|path| path.strip_prefix(RUNBOOKS)?.strip_prefix('/')?.strip_suffix(".md"));
        Ok(Self {
            rules,
            tests,
            dashboard: serde_json::from_str(&repository.read(DASHBOARD)?)
                .with_context(|| format!("{DASHBOARD} is not valid JSON"))?,
            known_metrics: known_metrics(&repository.read(METRICS)?),
            pages: names.filter(|name| name.starts_with("Ping")).map(str::to_owned).collect(),
            rule_files,
            test_files,
        })
    }

    fn alerts(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.rules.iter().filter_map(|rule| Some((rule["alert"].as_str()?, rule)))
    }

    fn metrics_asked_for(&self) -> BTreeSet<&str> {
        let targets = values_at(&self.dashboard, "/panels/*/targets/*/expr");
        let variables = values_at(&self.dashboard, "/templating/list/*/definition");
        let expressions = self.rules.iter().map(|rule| &rule["expr"]).chain(targets).chain(variables);
        expressions.filter_map(Value::as_str).flat_map(metrics_in).collect()
    }

    fn violations(&self) -> Vec<String> {
        let unknown =
            self.metrics_asked_for().into_iter().filter(|metric| !self.known_metrics.contains(*metric));
        let mut violations: Vec<String> = unknown
            .map(|metric| format!("a rule or the dashboard asks for {metric}, which {METRICS} does not have"))
            .collect();
        for (alert, rule) in self.alerts() {
            if !self.pages.contains(alert) {
                violations.push(format!("{alert} has no page in {RUNBOOKS}"));
            }
            if rule["annotations"]["runbook_url"] != *format!("https://pingstack.dev/runbooks/{alert}") {
                violations.push(format!("{alert} has no runbook_url that ends in its name"));
            }
            if !self.is_seen_firing(alert) {
                violations.push(format!("no test sees {alert} fire: write one in {TESTS}"));
            }
        }
        let alerts: BTreeSet<&str> = self.alerts().map(|(name, _)| name).collect();
        let pages = self.pages.iter().filter(|page| !alerts.contains(page.as_str()));
        violations.extend(pages.map(|page| format!("{RUNBOOKS}/{page}.md is of no alert")));
        violations
    }

    fn is_seen_firing(&self, alert: &str) -> bool {
        let expects = |test: &Value| test["exp_alerts"].as_array().is_some_and(|alerts| !alerts.is_empty());
        self.tests.iter().any(|test| test["alertname"] == alert && expects(test))
    }
}

/// What is at this place in each of the files.
fn all_of(repository: &Repository, files: &[String], place: &str) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for path in files {
        let text = repository.read(path)?;
        let file: Value = serde_yaml::from_str(&text).with_context(|| format!("{path} is not valid YAML"))?;
        found.extend(values_at(&file, place).into_iter().cloned());
    }
    Ok(found)
}

/// The values at a place such as `/groups/*/rules`, where `*` is every item of an array.
fn values_at<'a>(value: &'a Value, place: &str) -> Vec<&'a Value> {
    place.split('/').skip(1).fold(vec![value], |values, step| {
        let below = values.into_iter().flat_map(|value| match step {
            "*" => value.as_array().into_iter().flatten().collect(),
            name => Vec::from_iter(value.get(name)),
        });
        below.collect()
    })
}

fn known_metrics(document: &str) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for line in document.lines() {
        let mut cells = line.split(" | ");
        let name = cells.next().and_then(|cell| cell.strip_prefix("| `")?.strip_suffix('`'));
        let Some(name) = name.filter(|name| name.starts_with("ping")) else { continue };
        known.insert(name.to_owned());
        if cells.next() == Some("histogram") {
            known.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
        }
    }
    known
}

fn metrics_in(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    words.filter(|word| word.starts_with("ping_") || word.starts_with("pingstack_"))
}

#[cfg(test)]
mod tests {
    use super::Monitoring;
    use crate::repository::planted;

    const RULES: &str =
        "groups: [{ rules: [{ alert: PingDown, expr: 'sum(rate(ping_age_seconds_bucket[5m])) > 1',
        annotations: { runbook_url: 'https://pingstack.dev/runbooks/PingDown' } }] }]";
    const FIRES: &str =
        "tests: [{ alert_rule_test: [{ alertname: PingDown, exp_alerts: [{ exp_labels: {} }] }] }]";
    const DASHBOARD: &str = r#"{ "panels": [{ "targets": [{ "expr": "ping_up{job=\"a\"}" }] }, {}],
        "templating": { "list": [{ "definition": "label_values(ping_up, pod)" }, {}] } }"#;
    const METRICS: &str =
        "| name | type |\n|---|---|\n| `ping_age_seconds` | histogram | – |\n| `ping_up` | gauge | – |\n";

    fn violations(changed: &[(&str, &str)]) -> Vec<String> {
        let mut files = vec![
            ("operator/src/build/alerts.yaml", RULES),
            (super::OPERATOR_RULES, "groups: []"),
            ("monitoring/tests/a.yaml", FIRES),
            (super::DASHBOARD, DASHBOARD),
            (super::METRICS, METRICS),
            ("docs/runbooks/PingDown.md", ""),
            ("docs/runbooks/README.md", ""),
        ];
        files.retain(|(path, _)| changed.iter().all(|(other, _)| other != path));
        files.extend(changed);
        let (_folder, repository) = planted::repository(&files);
        Monitoring::read(&repository).unwrap().violations()
    }

    #[test]
    fn an_alert_with_page_test_and_known_metrics_is_no_violation() {
        assert_eq!(violations(&[]), [""; 0]);
    }

    #[test]
    fn unknown_metrics_of_rules_and_dashboard_are_found() {
        let known = "| `ping_age_seconds` | gauge | – |\n";
        assert_eq!(
            violations(&[(super::METRICS, known)]),
            ["ping_age_seconds_bucket", "ping_up"].map(|metric| format!(
                "a rule or the dashboard asks for {metric}, which docs/metrics.md does not have"
            ))
        );
    }

    #[test]
    fn an_alert_without_page_url_or_test_is_found() {
        let rules = RULES.replace("PingDown,", "PingLost,");
        assert_eq!(
            violations(&[("operator/src/build/alerts.yaml", &rules)]),
            [
                "PingLost has no page in docs/runbooks",
                "PingLost has no runbook_url that ends in its name",
                "no test sees PingLost fire: write one in monitoring/tests",
                "docs/runbooks/PingDown.md is of no alert",
            ]
        );
    }

    #[test]
    fn a_test_that_expects_silence_sees_nothing_fire() {
        let silent = FIRES.replace("[{ exp_labels: {} }]", "[]");
        assert_eq!(
            violations(&[("monitoring/tests/a.yaml", &silent)]),
            ["no test sees PingDown fire: write one in monitoring/tests"]
        );
    }
}
