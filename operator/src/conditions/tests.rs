use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use super::{ConditionType, Finding, stamp};

fn at(second: i64) -> Time {
    Time(Timestamp::from_second(second).unwrap())
}

#[test]
fn a_time_moves_only_with_the_status() {
    let finding = |status: &'static str, reason: &str| Finding {
        type_: ConditionType::Ready,
        status,
        reason: reason.to_owned(),
        message: String::new(),
        impaired: false,
        recent: false,
    };
    let first = stamp(vec![finding("False", "Starting")], &[], Some(1), &at(10));
    let second = stamp(vec![finding("False", "ImagePull")], &first, Some(2), &at(20));
    assert_eq!((second[0].last_transition_time.clone(), second[0].observed_generation), (at(10), Some(2)));
    let third = stamp(vec![finding("True", "Ready")], &second, Some(2), &at(30));
    assert_eq!(third[0].last_transition_time, at(30));
}

#[test]
fn a_message_is_never_longer_than_people_read() {
    let long = Finding::bad(ConditionType::Ready, "Starting", "ä".repeat(5000));
    assert_eq!(stamp(vec![long], &[], None, &at(0))[0].message.chars().count(), 1024);
}
