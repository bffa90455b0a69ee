//! Reasons that the pods of the services report, and what follows from several reports.

use super::{FALSE, Row, TRUE, UNKNOWN};
use crate::conditions::ConditionType::{self, MailServiceReady, RabbitMqReady, RedisReady, UserServiceReady};

/// Whoever uses Redis, and an external Redis itself.
const REDIS: &[ConditionType] = &[RedisReady, UserServiceReady, MailServiceReady];

/// Whoever uses RabbitMQ, and an external RabbitMQ itself.
const RABBITMQ: &[ConditionType] = &[RabbitMqReady, UserServiceReady, MailServiceReady];

const SERVICES: &[ConditionType] = &[UserServiceReady, MailServiceReady];
const USER: &[ConditionType] = &[UserServiceReady];
const MAIL: &[ConditionType] = &[MailServiceReady];

pub(super) const ROWS: &[Row] = &[
    Row::new(
        &[RedisReady, RabbitMqReady],
        TRUE,
        &["External"],
        "The server is not the operator's, and the services can use it.",
    ),
    Row::new(
        &[RedisReady, RabbitMqReady, UserServiceReady, MailServiceReady],
        TRUE,
        &["PartlyUnusable"],
        "Some pods can use the servers that they need, others cannot. The message names these.",
    )
    .then("Compare the nodes of the pods, and the network between them and the server."),
    Row::new(
        &[RedisReady, RabbitMqReady, UserServiceReady, MailServiceReady],
        UNKNOWN,
        &["NoReport"],
        "No pod has reported which servers it can use.",
    )
    .then("Check that the pods run, and that network policies admit the operator to ports 5001 and 5002 of the pods."),
    Row::new(REDIS, FALSE, &["RedisHostNotFound"], "The host name of Redis has no address.")
        .then("Check its spelling in the URL, and the cluster's DNS."),
    Row::new(REDIS, FALSE, &["RedisUnreachable"], "Redis does not answer.")
        .then("Check that it runs, host and port in the URL, and network policies and firewalls."),
    Row::new(REDIS, FALSE, &["RedisTlsFailed"], "The TLS handshake with Redis failed.")
        .then("Check that the port speaks TLS, the certificate, and `redis.external.caSecretRef`."),
    Row::new(REDIS, FALSE, &["RedisAccessDenied"], "Redis refuses user, password or a command.")
        .then("Check the URL's user and password, and the user's ACL rules; `docs/pingstack.md` has them."),
    Row::new(REDIS, FALSE, &["RedisWrongDatabase"], "Redis has no database of the URL's number.")
        .then("Use a lower number in the URL, or raise `databases`; a Redis Cluster has database 0 only."),
    Row::new(REDIS, FALSE, &["RedisUnsupported"], "Redis lacks a command, or cannot run the scripts.")
        .then("Use Redis 7.2 or later, or Valkey, and take back renamed commands."),
    Row::new(REDIS, FALSE, &["RedisLoading"], "Redis is loading its data from disk.").then("Wait."),
    Row::new(REDIS, FALSE, &["RedisFull"], "Redis has reached its memory limit and takes no writes.")
        .then("Give it more memory."),
    Row::new(REDIS, FALSE, &["RedisReadOnly"], "Redis is a read-only replica.")
        .then("Point the URL at the primary, or promote this server."),
    Row::new(REDIS, FALSE, &["RedisDiskFailed"], "Redis cannot write to its disk and takes no writes.")
        .then("Check the free space and the health of its volume."),
    Row::new(REDIS, FALSE, &["RedisRefused"], "Redis answers with another error.")
        .then("See its log, and those of the services."),
    Row::new(RABBITMQ, FALSE, &["RabbitMqHostNotFound"], "The host name of RabbitMQ has no address.")
        .then("Check its spelling, and the cluster's DNS."),
    Row::new(RABBITMQ, FALSE, &["RabbitMqUnreachable"], "RabbitMQ does not answer.")
        .then("Check that it runs, host and port, and network policies and firewalls."),
    Row::new(RABBITMQ, FALSE, &["RabbitMqTlsFailed"], "The TLS handshake with RabbitMQ failed.")
        .then("Check that the port speaks TLS, the certificate, and `rabbitmq.external.tls.caSecretRef`."),
    Row::new(RABBITMQ, FALSE, &["RabbitMqAccessDenied"], "RabbitMQ refuses user, password, vhost or a permission.")
        .then("Check the vhost of the spec; the operator creates users and permissions again within a minute."),
    Row::new(
        RABBITMQ,
        FALSE,
        &["RabbitMqLimitReached"],
        "RabbitMQ allows the user or the vhost no further connections or channels.",
    )
    .then("Raise the limits of the user and of the vhost, and `channel_max`, or run fewer pods."),
    Row::new(RABBITMQ, FALSE, &["RabbitMqBlocked"], "RabbitMQ takes no messages: a memory or disk alarm.")
        .then("Give it more memory or disk space."),
    Row::new(SERVICES, FALSE, &["QueueMissing"], "RabbitMQ lacks the exchange or the queue of the mails.")
        .then("See `TopologyReady`: the operator creates them."),
    Row::new(USER, FALSE, &["DirectoryHostNotFound"], "A host name of the directory has no address.")
        .then("Check the MongoDB URI, and the cluster's DNS."),
    Row::new(USER, FALSE, &["DirectoryUnreachable"], "The directory has no primary that answers.")
        .then("Check that MongoDB runs, and network policies and firewalls."),
    Row::new(USER, FALSE, &["DirectoryTlsFailed"], "The TLS handshake with the directory failed.")
        .then("Check the TLS options of the MongoDB URI, and the certificate."),
    Row::new(USER, FALSE, &["DirectoryAccessDenied"], "The directory refuses user, password or a permission.")
        .then("Check the MongoDB URI, and the roles of its user."),
    Row::new(
        USER,
        FALSE,
        &["DirectoryRefused", "DirectoryDriverFailed"],
        "The directory, or the driver, answers with another error.",
    )
    .then("See the log of user-service, and that of MongoDB."),
    Row::new(
        USER,
        FALSE,
        &["DirectoryAddressTwice", "DirectoryIndexNotUnique"],
        "The directory cannot promise one user for each address.",
    )
    .then("Remove the user that is there twice, or make the index of `email` unique."),
    Row::new(
        USER,
        FALSE,
        &["DirectoryTwoDatabases"],
        "Two databases hold users, and no setting says which to use.",
    )
    .then("Set `users.database` to the one to use."),
    Row::new(
        USER,
        TRUE,
        &["SigningKeysUnreadable", "SigningKeysMissing", "SigningKeysInvalid"],
        "The signing keys on disk cannot be used. Tokens are signed with the keys that were read before, until a restart.",
    )
    .then("Correct the Secret of the signing keys before a pod restarts."),
    Row::new(MAIL, FALSE, &["SmtpHostNotFound"], "The host name of the mail server has no address.")
        .then("Check `smtp.host`, and the cluster's DNS."),
    Row::new(MAIL, FALSE, &["SmtpUnreachable"], "No mail server answers.")
        .then("Check `smtp.host` and `smtp.port`, that `smtp.tls` fits the port, and egress rules and firewalls."),
    Row::new(MAIL, FALSE, &["SmtpTlsFailed"], "The connection to the mail server cannot be encrypted.")
        .then("Check `smtp.tls`, the server's certificate, and `smtp.caSecretRef`."),
    Row::new(MAIL, FALSE, &["SmtpClientRejected"], "The mail server takes no session from the cluster's addresses.")
        .then("Ask its administrator to allow these addresses."),
    Row::new(MAIL, FALSE, &["SmtpAuthenticationFailed"], "The mail server refuses user and password, or requires them.")
        .then("Check `EMAIL_USER` and `EMAIL_PASSWORD` in the Secret of `smtp.credentialsSecretRef`."),
    Row::new(MAIL, FALSE, &["SmtpSenderRejected"], "The mail server takes no mail from the sender.")
        .then("Set `smtp.from` to an address that this login may send as."),
    Row::new(MAIL, FALSE, &["SmtpUnavailable"], "The mail server is busy, or asks to come back later.")
        .then("If it lasts, ask its administrator about its limits."),
    Row::new(MAIL, FALSE, &["SmtpInterrupted"], "The mail server ends sessions, or falls silent in the middle.")
        .then("See its log, and check proxies and firewalls on the way."),
];
