//! Reasons of the condition `SignInWorks`.

use super::{FALSE, Row, TRUE, UNKNOWN};
use crate::conditions::ConditionType;

const SIGN_IN: &[ConditionType] = &[ConditionType::SignInWorks];

pub(super) const ROWS: &[Row] = &[
    Row::new(SIGN_IN, TRUE, &["SignedIn"], "The operator signed in with a code from the mail."),
    Row::new(
        SIGN_IN,
        UNKNOWN,
        &["NotTried"],
        "The operator has not tried yet: it signs in for the first time when the stack is ready.",
    ),
    Row::new(
        SIGN_IN,
        UNKNOWN,
        &["Limited"],
        "A limit of the stack's own stopped the sign-in, as after many sign-ins that failed.",
    )
    .then("Raise `login.limits`, or have it tried less often (`monitoring.syntheticLogin.every`)."),
    Row::new(SIGN_IN, FALSE, &["LoginFailed"], "No code could be requested.")
        .then("See `UserServiceReady`, `RedisReady` and `RabbitMQReady`."),
    Row::new(
        SIGN_IN,
        FALSE,
        &["MailMissing"],
        "The login was accepted, and no mail with a code came to the operator's sink within a minute.",
    )
    .then(
        "See `MailServiceReady` and the depth of the queue. Where both are good, see that network policies, and a mesh, let \
         mail-service reach the operator's pods at `signInSink.port` of its chart.",
    ),
    Row::new(SIGN_IN, FALSE, &["CodeRefused"], "The code from the mail was not accepted.")
        .then("See `UserServiceReady` and `RedisReady`; the message has the status of the response."),
    Row::new(SIGN_IN, FALSE, &["TokenInvalid"], "The token is not one that services would accept.")
        .then("See the message, and what user-service logs of its signing keys."),
    Row::new(SIGN_IN, FALSE, &["CodeAcceptedTwice"], "A code was accepted a second time.")
        .then("Codes must work once: see whether the image of user-service is the right one, and report it."),
    Row::new(SIGN_IN, FALSE, &["LogoutFailed"], "The session could not be ended.")
        .then("See `RedisReady` and the log of user-service."),
];
