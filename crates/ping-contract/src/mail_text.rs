//! The words of a sign-in mail as the original services wrote them. Clients look for them: they are part of the contract.

/// The subject.
pub const SUBJECT: &str = "Your OTP Code";

/// The body: plain text, one line.
#[must_use]
pub fn body(code: &str, ttl_minutes: u64) -> String {
    format!("Your OTP code is {code}. It is valid for {ttl_minutes} minutes.")
}

#[cfg(test)]
mod tests {
    use super::{SUBJECT, body};

    #[test]
    fn the_words_are_the_originals() {
        assert_eq!(SUBJECT, "Your OTP Code");
        assert_eq!(body("482931", 5), "Your OTP code is 482931. It is valid for 5 minutes.");
    }
}
