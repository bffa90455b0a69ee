//! Which versions of `RabbitMQ` Ping can work with.

/// The oldest minor version whose arguments and policies are all understood; older ones ignore some silently (measured).
pub const OLDEST_VERSION: (u32, u32) = (4, 0);

/// Versions that demand the permission to configure an object from a client that only declares it passively. Ping's users
/// may configure nothing, so both services would stay without a connection.
pub const REFUSED_VERSIONS: [(u32, u32, u32); 2] = [(4, 2, 6), (4, 3, 0)];

/// Ping cannot work with this version of the broker, and nothing is written to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsupportedVersion {
    /// Older than [`OLDEST_VERSION`].
    #[error(
        "the server is RabbitMQ {0}, and Ping needs 4.0 or newer: an older one ignores what it does not know; upgrade it, from \
         3.x by way of 3.13 with all feature flags enabled"
    )]
    TooOld(String),
    /// One of [`REFUSED_VERSIONS`].
    #[error(
        "the server is RabbitMQ {0}, which refuses the passive declares of Ping's services: upgrade it to 4.2.7, 4.3.1 or \
         a newer version"
    )]
    RefusesPassiveDeclares(String),
}

/// Checks a version as the broker spells it, such as `4.0.5` or `4.3.0-rc.1`. One that cannot be read counts as too old.
pub fn check(version: &str) -> Result<(), UnsupportedVersion> {
    let mut numbers = version.splitn(3, '.').map(leading_number);
    let mut next = || numbers.next().unwrap_or(0);
    let major = next();
    let minor = next();
    let patch = next();
    if (major, minor) < OLDEST_VERSION {
        Err(UnsupportedVersion::TooOld(version.to_owned()))
    } else if REFUSED_VERSIONS.contains(&(major, minor, patch)) {
        Err(UnsupportedVersion::RefusesPassiveDeclares(version.to_owned()))
    } else {
        Ok(())
    }
}

/// The digits that `text` begins with: a pre-release behaves as the version that it precedes.
fn leading_number(text: &str) -> u32 {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{UnsupportedVersion, check};

    #[test]
    fn versions_that_refuse_the_services_and_those_before_4_0_are_unsupported() {
        let too_old: fn(String) -> UnsupportedVersion = UnsupportedVersion::TooOld;
        let refuses: fn(String) -> UnsupportedVersion = UnsupportedVersion::RefusesPassiveDeclares;
        for (version, expected) in [
            ("4.0.0", None),
            ("4.0.5", None),
            ("4.1.4", None),
            ("4.2.5", None),
            ("4.2.6", Some(refuses)),
            ("4.2.6+1.g1234567", Some(refuses)),
            ("4.2.7", None),
            ("4.2.60", None),
            ("4.3.0-rc.1", Some(refuses)),
            ("4.3.0", Some(refuses)),
            ("4.3.1", None),
            ("4.3.6", None),
            ("5.0.0", None),
            ("3.13.7", Some(too_old)),
            ("3.10.8", Some(too_old)),
            ("10.0.0", None),
            ("", Some(too_old)),
            ("unknown", Some(too_old)),
        ] {
            assert_eq!(check(version).err(), expected.map(|error| error(version.to_owned())), "{version}");
        }
    }
}
