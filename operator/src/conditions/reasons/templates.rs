//! Reasons of the templates of mails.

use super::{FALSE, Row, TRUE};
use crate::conditions::ConditionType;

const TYPES: &[ConditionType] = &[ConditionType::TemplatesReady];

pub(super) const ROWS: &[Row] = &[
    Row::new(TYPES, TRUE, &["Shipped"], "Mails have the words and the layout that Ping ships."),
    Row::new(TYPES, TRUE, &["Applied"], "Mails have the words and layouts of the ConfigMap."),
    Row::new(
        TYPES,
        FALSE,
        &["UsingLastGood"],
        "The ConfigMap cannot be used. Mails stay as the last good one made them.",
    )
    .then("Correct the file in the line that the message names; see [mail.md](mail.md)."),
    Row::new(
        TYPES,
        FALSE,
        &["InvalidTemplates"],
        "The ConfigMap cannot be used, and none before it was. Mails have the words and the layout that Ping ships.",
    )
    .then("Correct the file in the line that the message names; see [mail.md](mail.md)."),
    Row::new(
        TYPES,
        FALSE,
        &["ConfigMapMissing"],
        "The ConfigMap that `mail.templates.configMapRef` names does not exist. The message says what mails are made of.",
    )
    .then("Create it, correct the name, or remove `mail.templates.configMapRef`."),
    Row::new(
        TYPES,
        FALSE,
        &["ConfigMapUnreadable"],
        "The API server does not let the operator read the ConfigMap. The message says what mails are made of.",
    )
    .then("Upgrade the operator's chart, whose roles say that it may; see what else the API server says."),
    Row::new(
        TYPES,
        FALSE,
        &["DefaultLanguageMissing"],
        "There are no words in the language of `mail.locales.default`. English stands in for it.",
    )
    .then("Write `words.<language>.json` for it, or set `mail.locales.default` to a language that the message names."),
];
