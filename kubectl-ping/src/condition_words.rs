//! What a condition means, in words for somebody who does not know its type.

/// Type, and what it means to be True, False and Unknown.
const WORDS: [(&str, [&str; 3]); 17] = [
    ("Ready", ["users can sign in", "users cannot sign in", "whether users can sign in is not known"]),
    ("RedisReady", ["Redis works", "Redis does not work", "whether Redis works is not known"]),
    ("RabbitMQReady", ["RabbitMQ works", "RabbitMQ does not work", "whether RabbitMQ works is not known"]),
    (
        "TopologyReady",
        [
            "RabbitMQ has the queues of the stack",
            "RabbitMQ lacks queues of the stack",
            "whether RabbitMQ has the queues of the stack is not known",
        ],
    ),
    (
        "UserServiceReady",
        ["user-service answers", "user-service does not answer", "whether user-service answers is not known"],
    ),
    (
        "MailServiceReady",
        [
            "mails are handed to the mail server",
            "mails cannot be handed to the mail server",
            "whether mails can be handed to the mail server is not known",
        ],
    ),
    (
        "AutoscalingReady",
        [
            "the number of mail consumers follows the queue",
            "the number of mail consumers does not follow the queue",
            "whether the number of mail consumers follows the queue is not known",
        ],
    ),
    (
        "MonitoringReady",
        ["Prometheus is set up", "Prometheus is not set up", "whether Prometheus is set up is not known"],
    ),
    (
        "TestMailSent",
        ["the test mail was accepted", "the test mail was not accepted", "the test mail is on its way"],
    ),
    (
        "SignInWorks",
        [
            "the operator's test login works",
            "the operator's test login fails",
            "the operator's test login has no result",
        ],
    ),
    (
        "TemplatesReady",
        [
            "mails have the words and layouts asked for",
            "mails do not have the words and layouts asked for",
            "whether mails have the words and layouts asked for is not known",
        ],
    ),
    (
        "PodTemplatesApplied",
        [
            "pod templates are applied",
            "pod templates are not applied",
            "whether pod templates are applied is not known",
        ],
    ),
    (
        "BrokersSurviveNodeLoss",
        [
            "the loss of one node leaves enough brokers",
            "the loss of one node stops sign-ins",
            "what the loss of a node does is not known",
        ],
    ),
    (
        "IngressAdmitted",
        [
            "the ingress controller is let in",
            "the ingress controller may be kept out",
            "whether the ingress controller is let in is not known",
        ],
    ),
    (
        "Paused",
        ["the stack is paused", "the stack is not paused", "whether the stack is paused is not known"],
    ),
    (
        "Reconciling",
        ["a change is being rolled out", "nothing is being rolled out", "what is rolled out is not known"],
    ),
    (
        "Stalled",
        ["a change cannot be rolled out", "nothing is stuck", "whether a change is stuck is not known"],
    ),
];

/// Types that are bad news while they are True.
const BAD_IF_TRUE: [&str; 3] = ["Paused", "Reconciling", "Stalled"];

/// The meaning of a condition; its name and status for one of a later operator.
pub(crate) fn of(type_: &str, status: &str) -> String {
    let place = match status {
        "True" => 0,
        "False" => 1,
        _ => 2,
    };
    let found = WORDS.iter().find(|(known, _)| *known == type_);
    found.map_or_else(|| format!("{type_} is {status}"), |(_, words)| words[place].to_owned())
}

/// Whether nothing has to be said about it.
pub(crate) fn is_good(type_: &str, status: &str) -> bool {
    (status == "True") != BAD_IF_TRUE.contains(&type_) && status != "Unknown"
}

#[cfg(test)]
mod tests {
    use super::{WORDS, is_good, of};

    /// The operator's table of conditions, from which the document is made.
    const CONDITIONS: &str = include_str!("../../operator/src/conditions/condition_type.rs");

    #[test]
    fn every_condition_of_the_operator_has_words() {
        let names = CONDITIONS.lines().filter_map(|line| {
            let line = line.trim().strip_prefix("Self::")?;
            let (_, name) = line.split_once(" => \"")?;
            name.strip_suffix("\",")
        });
        let names = names.collect::<Vec<_>>();
        assert_eq!(names, WORDS.map(|(name, _)| name), "add words for the new condition");
    }

    #[test]
    fn a_pause_is_no_good_news_and_a_later_condition_is_named() {
        assert!(is_good("Ready", "True") && !is_good("Ready", "False") && !is_good("Ready", "Unknown"));
        assert!(!is_good("Paused", "True") && is_good("Stalled", "False"));
        assert_eq!(of("LaterReady", "True"), "LaterReady is True");
    }
}
