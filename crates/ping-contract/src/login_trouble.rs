//! Why a mail server cannot be logged in to, where it is not the password: it offers no way that Ping knows.

/// What the mail server offers instead of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoginTrouble {
    /// No AUTH at all.
    NoAuth,
    /// Tokens of an identity provider alone (XOAUTH2, OAUTHBEARER).
    OAuthOnly,
    /// Other mechanisms, such as NTLM or GSSAPI.
    OtherMechanisms,
}

impl LoginTrouble {
    pub const ALL: [Self; 3] = [Self::NoAuth, Self::OAuthOnly, Self::OtherMechanisms];

    /// From the lines of an answer to EHLO; `None` where PLAIN or LOGIN is among the mechanisms.
    #[must_use]
    pub fn of_offer<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut mechanisms = Vec::new();
        for line in lines {
            let line = line.trim().to_ascii_uppercase();
            // `AUTH=` is older than the standard.
            let Some(rest) = line.strip_prefix("AUTH ").or_else(|| line.strip_prefix("AUTH=")) else {
                continue;
            };
            mechanisms.extend(rest.split_whitespace().map(str::to_owned));
        }
        let offers = |names: &[&str]| mechanisms.iter().any(|one| names.contains(&one.as_str()));
        match () {
            () if mechanisms.is_empty() => Some(Self::NoAuth),
            () if offers(&["PLAIN", "LOGIN"]) => None,
            () if offers(&["XOAUTH2", "OAUTHBEARER"]) => Some(Self::OAuthOnly),
            () => Some(Self::OtherMechanisms),
        }
    }

    /// The word for it in a report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoAuth => "NoAuth",
            Self::OAuthOnly => "OAuthOnly",
            Self::OtherMechanisms => "OtherMechanisms",
        }
    }

    /// What is wrong and what to do.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::NoAuth => {
                "The mail server offers no login on this port. Remove user and password, or use its port for submission: \
                 many servers offer a login only there, and only over TLS."
            }
            Self::OAuthOnly => {
                "The mail server takes logins by OAuth alone (XOAUTH2), which Ping does not speak. Allow a password made \
                 for the application (SMTP AUTH), or use another relay."
            }
            Self::OtherMechanisms => {
                "The mail server takes no login by PLAIN or LOGIN, the ones that Ping speaks. Allow one of them, or use \
                 another relay."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LoginTrouble;

    #[test]
    fn the_offer_of_a_server_says_what_can_be_done() {
        for (lines, trouble) in [
            (&["relay", "PIPELINING", "AUTH PLAIN LOGIN"][..], None),
            (&["relay", "auth login"], None),
            (&["relay", "AUTH=LOGIN"], None),
            (&["relay", "AUTH XOAUTH2 PLAIN"], None),
            (&["relay", "AUTH XOAUTH2"], Some(LoginTrouble::OAuthOnly)),
            (&["relay", "AUTH OAUTHBEARER XOAUTH2 NTLM"], Some(LoginTrouble::OAuthOnly)),
            (&["relay", "AUTH GSSAPI NTLM CRAM-MD5"], Some(LoginTrouble::OtherMechanisms)),
            (&["relay", "AUTHX", "SIZE 1"], Some(LoginTrouble::NoAuth)),
            (&["relay", "AUTH "], Some(LoginTrouble::NoAuth)),
            (&[], Some(LoginTrouble::NoAuth)),
        ] {
            assert_eq!(LoginTrouble::of_offer(lines.iter().copied()), trouble, "{lines:?}");
        }
    }

    #[test]
    fn every_trouble_has_a_sentence() {
        for trouble in LoginTrouble::ALL {
            assert!(trouble.message().len() <= 512 && trouble.message().ends_with('.'), "{}", trouble.name());
        }
    }
}
