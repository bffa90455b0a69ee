//! The words of a sign-in mail as the original services wrote them. Clients look for them: they are part of the contract.

/// The subject.
pub const SUBJECT: &str = "Your OTP Code";

/// Whole minutes that a mail promises of a code that lives for so many seconds: never more than it lives, at least one.
#[must_use]
pub fn minutes(ttl_seconds: u64) -> u64 {
    (ttl_seconds / 60).max(1)
}

/// The body: plain text, one line.
#[must_use]
pub fn body(code: &str, ttl_minutes: u64) -> String {
    format!("Your OTP code is {code}. It is valid for {ttl_minutes} minutes.")
}

#[cfg(test)]
mod tests {
    use super::{SUBJECT, body, minutes};

    #[test]
    fn a_mail_never_promises_more_than_the_code_lives() {
        assert_eq!([300, 119, 5].map(minutes), [5, 1, 1]);
    }

    #[test]
    fn the_words_are_the_originals() {
        assert_eq!(SUBJECT, "Your OTP Code");
        assert_eq!(body("482931", 5), "Your OTP code is 482931. It is valid for 5 minutes.");
    }
}
