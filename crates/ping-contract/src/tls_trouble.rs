//! Why a connection could not be encrypted, in one set of sentences for Redis, RabbitMQ and the mail server.

/// What is wrong with the encryption of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsTrouble {
    /// The certificate is for another name.
    WrongName,
    /// No trusted authority signed the certificate.
    UnknownCa,
    /// The certificate is expired, or not valid yet.
    Expired,
    /// The port speaks no TLS.
    PlainPort,
    /// The port speaks TLS, and the client does not.
    TlsPort,
    /// Anything else: no common version, an alert, a connection that ended.
    Handshake,
}

/// The sentences about one server: its name in the sentence, and what turns TLS on and off.
macro_rules! sentences {
    ($trouble:expr, $server:literal, $without:literal, $with:literal) => {
        match $trouble {
            TlsTrouble::WrongName => concat!(
                "The certificate of ",
                $server,
                " is for another host name. Use a name that is among the certificate's \
                 subject alternative names, or issue one for this name."
            ),
            TlsTrouble::UnknownCa => concat!(
                "The certificate of ",
                $server,
                " is signed by an unknown authority. Give the CA file of the authority \
                 that signed it; a self-signed certificate is its own."
            ),
            TlsTrouble::Expired => concat!(
                "The certificate of ",
                $server,
                " has expired or is not valid yet. Renew it, and check the clocks of both \
                 machines."
            ),
            TlsTrouble::PlainPort => {
                concat!($server, " speaks no TLS on this port. Use its TLS port, or ", $without, ".")
            }
            TlsTrouble::TlsPort => {
                concat!($server, " expects TLS on this port. Use its plain port, or ", $with, ".")
            }
            TlsTrouble::Handshake => concat!(
                "The TLS handshake with ",
                $server,
                " failed. Check that the port speaks TLS, that the certificate is \
                 valid for this host, and the CA file."
            ),
        }
    };
}

impl TlsTrouble {
    pub const ALL: [Self; 6] =
        [Self::WrongName, Self::UnknownCa, Self::Expired, Self::PlainPort, Self::TlsPort, Self::Handshake];

    /// The word for it in a report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WrongName => "WrongName",
            Self::UnknownCa => "UnknownCa",
            Self::Expired => "Expired",
            Self::PlainPort => "PlainPort",
            Self::TlsPort => "TlsPort",
            Self::Handshake => "Handshake",
        }
    }

    /// What is wrong with Redis, and what to do.
    #[must_use]
    pub const fn of_redis(self) -> &'static str {
        sentences!(self, "Redis", "a redis:// address, which is in clear", "a rediss:// address")
    }

    /// What is wrong with `RabbitMQ`, and what to do.
    #[must_use]
    pub const fn of_rabbitmq(self) -> &'static str {
        sentences!(
            self,
            "RabbitMQ",
            "an amqp:// address, which is in clear",
            "an amqps:// address or RABBITMQ_TLS"
        )
    }

    /// What is wrong with the mail server, and what to do.
    #[must_use]
    pub const fn of_mail_server(self) -> &'static str {
        match self {
            Self::PlainPort => {
                "The mail server speaks no TLS on this port, or offers no STARTTLS. Use port 465 for implicit TLS and 587 \
                 for STARTTLS; a server without either must be allowed by name."
            }
            other => sentences!(other, "the mail server", "STARTTLS", "implicit TLS"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::TlsTrouble;

    #[test]
    fn every_trouble_has_a_word_and_a_sentence_of_its_own_for_each_server() {
        let sentences = [TlsTrouble::of_redis, TlsTrouble::of_rabbitmq, TlsTrouble::of_mail_server];
        let all = sentences.map(|of| TlsTrouble::ALL.map(of));
        let all = all.as_flattened();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        for sentence in all {
            assert!(
                sentence.len() <= 512 && sentence.ends_with('.') && !sentence.contains("  "),
                "{sentence}"
            );
        }
        let names = TlsTrouble::ALL.map(TlsTrouble::name);
        assert_eq!(names.into_iter().collect::<BTreeSet<_>>().len(), names.len());
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_alphabetic())));
    }
}
