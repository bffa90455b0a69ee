use k8s_openapi::jiff::Timestamp;

use super::{PartState, Problem, of_workload};
use crate::{conditions::Finding, controller::workload::Workload, names::Part};

fn workload(desired: i32, ready: i32) -> Workload {
    Workload { desired, pods: desired, updated: desired, ready, observed: true, ..Workload::default() }
}

fn finding(part: Part, workload: &Workload) -> Finding {
    of_workload(&PartState { part, workload: Some(workload.clone()), problem: None })
}

fn image_pull() -> Problem {
    Problem { reason: "ImagePull", message: "the image x cannot be pulled".to_owned(), since: Some(at(0)) }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn a_complete_part_is_available() {
    let found = finding(Part::UserService, &workload(2, 2));
    assert_eq!((found.status, found.reason.as_str()), ("True", "Available"));
    assert_eq!(found.message, "2 of 2 pods serve");
}

#[test]
fn a_part_that_cannot_start_says_why() {
    let workload = Some(workload(2, 0));
    let problem = Some(image_pull());
    let found = of_workload(&PartState { part: Part::UserService, workload, problem });
    assert_eq!((found.status, found.reason.as_str()), ("False", "ImagePull"));
    assert_eq!(found.message, "0 of 2 pods serve; the image x cannot be pulled");
}

#[test]
fn a_part_that_rolls_while_enough_pods_serve_is_ready_and_says_so() {
    let mut rolling = workload(2, 2);
    rolling.updated = 1;
    let found = finding(Part::UserService, &rolling);
    assert_eq!((found.status, found.reason.as_str(), found.is_warning()), ("True", "Updating", false));
    assert_eq!(finding(Part::RabbitMq, &workload(3, 2)).status, "True");
    assert_eq!(finding(Part::RabbitMq, &workload(3, 1)).status, "False");
}

#[test]
fn a_change_that_kubernetes_has_not_seen_yet_leaves_a_part_ready() {
    let unseen = Workload { observed: false, ..workload(2, 2) };
    assert_eq!(finding(Part::UserService, &unseen).status, "True");
}

#[test]
fn old_pods_that_serve_beside_a_new_one_that_cannot_start_are_ready_with_a_warning() {
    let workload = Workload { pods: 3, updated: 1, ..workload(2, 2) };
    let workload = Some(workload);
    let problem = Some(image_pull());
    let found = of_workload(&PartState { part: Part::UserService, workload, problem });
    assert_eq!((found.status, found.reason.as_str(), found.is_warning()), ("True", "ImagePull", true));
}

#[test]
fn mail_service_without_a_pod_is_never_ready() {
    for (workload, reason) in [(workload(0, 0), "NoConsumers"), (workload(1, 0), "Starting")] {
        let found = finding(Part::MailService, &workload);
        assert_eq!((found.status, found.reason.as_str()), ("False", reason));
    }
    assert_eq!(finding(Part::Redis, &workload(0, 0)).status, "False");
}

#[test]
fn user_service_without_a_pod_is_never_ready() {
    let found = finding(Part::UserService, &workload(0, 0));
    assert_eq!((found.status, found.reason.as_str()), ("False", "ScaledToZero"));
}

#[test]
fn user_service_that_is_scaled_up_is_ready_while_as_many_pods_serve_as_the_spec_asks_for() {
    let scaled_up = |ready| Workload { fewest: Some(2), ..workload(5, ready) };
    for (ready, status) in [(5, "True"), (2, "True"), (1, "False")] {
        assert_eq!(finding(Part::UserService, &scaled_up(ready)).status, status, "{ready}");
    }
    let scaled_down = Workload { fewest: Some(3), ..workload(1, 1) };
    assert_eq!(finding(Part::UserService, &scaled_down).status, "True");
}

#[test]
fn a_missing_workload_is_not_ready() {
    let state = PartState { part: Part::Redis, workload: None, problem: None };
    assert_eq!(of_workload(&state).reason, "Missing");
}

#[test]
fn a_problem_is_a_standstill_when_it_has_lasted() {
    let after = |reason, seconds| Problem { reason, ..image_pull() }.is_standstill(at(seconds));
    assert!(!after("ImagePull", 29) && after("ImagePull", 30));
    assert!(!after("Unschedulable", 119) && after("Unschedulable", 120));
    assert!(after("ProgressDeadlineExceeded", 0));
    assert!(!Problem { since: None, ..image_pull() }.is_standstill(at(1_000)), "nobody knows since when");
}
