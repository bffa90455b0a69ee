//! Refusals of the sender that come late: in answer to RCPT, to DATA or to the message, after MAIL was taken.
//!
//! Exchange refuses a foreign sender only once it has read the message (`554 5.2.252`), as do Amazon SES and `SendGrid`;
//! Postfix answers RCPT with it. One such answer may be about the one mail. The second in a row decides.

use std::sync::atomic::{AtomicU32, Ordering};

use super::{
    classification::Fault,
    failure::{Failure, Reply},
    phase::Phase,
};

/// As many in a row, without a delivery between them, mean that the sender is refused for every mail.
const REPORTS: u32 = 2;

/// Enhanced statuses that speak of the sender, its domain or its account (RFC 3463, RFC 7372, and Exchange Online's list).
const OF_THE_SENDER: [(u16, u16); 19] = [
    (1, 7),   // bad address of the sender
    (1, 8),   // bad system of the sender
    (1, 90),  // daily limit of the account
    (2, 252), // may not send as this sender
    (7, 8),   // credentials
    (7, 13),  // account disabled
    (7, 14),  // no trust in the submitter
    (7, 20),  // DKIM
    (7, 21),
    (7, 22),
    (7, 23), // SPF
    (7, 24),
    (7, 25), // reverse DNS
    (7, 26), // several of these
    (7, 27), // the sender's domain takes no mail
    (7, 57), // not logged in
    (7, 60), // may not send as this sender
    (7, 64), // relaying for a foreign tenant
    (7, 515),
];

/// Exchange Online's statuses 5.7.5xx (banned sender, DMARC) and 5.7.7xx (limits of the tenant).
const BANNED: std::ops::Range<u16> = 501..515;
const LIMITED: std::ops::Range<u16> = 700..800;

/// What the answer to a message says in words where it has no status for it, in lower case.
const WORDS: [&str; 26] = [
    "sender address",
    "sender rejected",
    "sender denied",
    "sender refused",
    "sender not",
    "sender is not",
    "sender domain",
    "sender identity",
    "sender signature",
    "verified sender",
    "invalid sender",
    "unauthorized sender",
    "unauthorised sender",
    "from address",
    "from header",
    "header from",
    "send as",
    "sendas",
    "allowed to send",
    "authorized to send",
    "authorised to send",
    "address is not verified",
    "sending paused",
    "sending limit",
    "sending quota",
    "dmarc",
];

/// Whether a refusal is about the sender. Only this is kept of the text.
pub(super) fn concerns_sender(phase: Phase, reply: Reply, text: &str) -> bool {
    if reply.code < 500 || !matches!(phase, Phase::Rcpt | Phase::Data | Phase::Accept) {
        return false;
    }
    if reply.enhanced.is_some_and(|(_, subject, detail)| is_of_the_sender(subject, detail)) {
        return true;
    }
    let text = text.to_ascii_lowercase();
    if phase == Phase::Rcpt {
        return is_postfix_refusal_of_the_sender(&text);
    }
    !text.contains("recipient") && WORDS.iter().any(|words| text.contains(words))
}

fn is_of_the_sender(subject: u16, detail: u16) -> bool {
    let special = subject == 7 && (BANNED.contains(&detail) || LIMITED.contains(&detail));
    special || OF_THE_SENDER.contains(&(subject, detail))
}

/// `5.7.1 <no-reply@example.org>: sender address rejected: …`. An answer to RCPT may quote the recipient's own server:
/// nothing but this beginning is the words of the mail server itself.
fn is_postfix_refusal_of_the_sender(text: &str) -> bool {
    let said = text.find('<').filter(|start| *start <= 10).and_then(|start| text.get(start..));
    said.and_then(|said| said.split_once(">: "))
        .is_some_and(|(address, rest)| !address.contains(' ') && rest.starts_with("sender address rejected"))
}

/// Counts late refusals of the sender in a row.
#[derive(Debug, Default)]
pub struct SenderReports(AtomicU32);

impl SenderReports {
    /// Takes note of what became of a mail; whether it shows that the sender is refused for every mail.
    pub fn note(&self, result: Result<(), Failure>) -> bool {
        match result.map_err(Fault::from) {
            Ok(()) => {
                self.0.store(0, Ordering::Relaxed);
                false
            }
            Err(Fault::SenderRefusedLate { .. }) => {
                let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                    Some(count.saturating_add(1))
                });
                before.unwrap_or_else(|count| count) + 1 >= REPORTS
            }
            Err(_) => false,
        }
    }

    /// Whether it is refused, as far as is known.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= REPORTS
    }
}

#[cfg(test)]
mod tests {
    use super::{SenderReports, concerns_sender};
    use crate::smtp::{Failure, Reply, phase::Phase};

    fn concerns(phase: Phase, code: u16, text: &str) -> bool {
        concerns_sender(phase, Reply::of_refusal(code, text), text)
    }

    #[test]
    fn answers_of_real_mail_servers_that_refuse_the_sender_are_recognised() {
        for (code, text) in [
            (554, "5.2.252 SendAsDenied; ping@example.org not allowed to send as no-reply@example.org"),
            (550, "5.7.60 SMTP; Client does not have permissions to send as this sender"),
            (
                554,
                "Message rejected: Email address is not verified. The following identities failed the check",
            ),
            (554, "Message rejected: Sending paused for this account."),
            (550, "The from address does not match a verified Sender Identity. Mail cannot be sent until"),
            (550, "5.7.0 From address is not one of your addresses"),
            (551, "5.7.1 Not authorised to send from this header address"),
            (550, "5.7.26 This mail has been blocked because the sender is unauthenticated."),
            (550, "5.7.515 Access denied, sending domain example.org does not meet the required level"),
            (550, "5.4.5 Daily user sending limit exceeded."),
            (553, "5.7.1 <no-reply@example.org>: Sender address rejected: not owned by user ping"),
            (550, "5.7.509 Access denied, sending domain does not pass DMARC verification"),
            (550, "5.7.708 Service unavailable. Access denied, traffic not accepted from this IP."),
        ] {
            assert!(concerns(Phase::Accept, code, text), "{code} {text}");
            assert!(!concerns(Phase::Accept, code - 100, text), "{text}: a temporary refusal");
            assert!(!concerns(Phase::Mail, code, text), "{text}: MAIL is about the sender anyway");
        }
    }

    #[test]
    fn answers_about_the_recipient_or_the_message_are_not_about_the_sender() {
        for (code, text) in [
            (550, "5.1.1 The email account that you tried to reach does not exist"),
            (550, "5.2.1 The email account that you tried to reach is disabled"),
            (552, "5.2.2 mailbox full"),
            (550, "5.7.1 no"),
            (550, "5.7.1 Message rejected as spam by content filtering"),
            (550, "5.7.1 Recipient does not take mail of this sender address"),
            (552, "5.3.4 message too big"),
            (554, ""),
        ] {
            assert!(!concerns(Phase::Accept, code, text), "{code} {text}");
        }
    }

    #[test]
    fn at_rcpt_only_a_status_or_the_servers_own_first_words_count() {
        let own = "5.7.1 <no-reply@example.org>: Sender address rejected: not owned by user";
        assert!(concerns(Phase::Rcpt, 553, own));
        assert!(concerns(Phase::Rcpt, 553, own.trim_start_matches("5.7.1 ")));
        assert!(concerns(Phase::Rcpt, 550, "5.7.60 no permission"));
        // Whoever runs the recipient's server writes what is quoted.
        for quoted in [
            "5.1.1 <a@b.example>: Recipient address rejected: host mx said: <x>: Sender address rejected",
            "5.1.1 callout said: sender address rejected",
            "5.7.1 <a@b.example>: Relay access denied",
            "5.7.1 <a b <x>: sender address rejected",
        ] {
            assert!(!concerns(Phase::Rcpt, 550, quoted), "{quoted}");
        }
    }

    #[test]
    fn the_second_report_in_a_row_decides_and_a_delivery_begins_again() {
        let reports = SenderReports::default();
        let reply = Reply { concerns_sender: true, ..Reply::new(550) };
        let refused = Err(Failure::Refused { phase: Phase::Accept, reply });
        let other = Err(Failure::Refused { phase: Phase::Rcpt, reply: Reply::new(550) });
        assert!(!reports.note(refused) && !reports.note(Ok(())) && !reports.note(refused));
        assert!(!reports.note(other) && !reports.is_refused());
        assert!(reports.note(refused) && reports.note(refused) && reports.is_refused());
        assert!(!reports.note(Ok(())) && !reports.is_refused());
    }
}
