//! Which of several keys signs. No I/O: the times come from Redis, so that all replicas and every restart agree.

/// How long a key is published before it signs beside another: longer than anyone keeps the key set
/// ([`super::jwks::MAX_AGE_SECONDS`]), so that nobody meets a token whose key they have not seen.
pub(super) const PUBLISHED_FIRST_MS: u64 = 10 * 60 * 1000;

/// A key of the folder, as far as the choice needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate<'a> {
    /// The file's name: decides between keys of the same age.
    pub(super) file: &'a str,
    /// When it was first published, in Unix milliseconds on Redis' clock; `None` while Redis has not been told.
    pub(super) published_ms: Option<u64>,
}

/// The place of the key that signs: the newest that is published long enough. Where none is, the one that was there
/// first, so that a sole key signs at once. `None` only for no keys.
#[must_use]
pub(super) fn signing(keys: &[Candidate<'_>], now_ms: u64) -> Option<usize> {
    let by_file = |a: usize, b: usize| keys[a].file.cmp(keys[b].file);
    let ripe = |place: &usize| {
        keys[*place].published_ms.is_some_and(|published| published + PUBLISHED_FIRST_MS <= now_ms)
    };
    let newest = (0..keys.len())
        .filter(ripe)
        .max_by(|&a, &b| keys[a].published_ms.cmp(&keys[b].published_ms).then_with(|| by_file(b, a)));
    let age = |place: usize| keys[place].published_ms.unwrap_or(u64::MAX);
    newest.or_else(|| (0..keys.len()).min_by(|&a, &b| age(a).cmp(&age(b)).then_with(|| by_file(a, b))))
}

#[cfg(test)]
mod tests {
    use super::{Candidate, PUBLISHED_FIRST_MS, signing};

    const NOW: u64 = 1_000_000_000;

    fn chosen(keys: &[(&'static str, Option<u64>)]) -> Option<&'static str> {
        let candidates =
            keys.iter().map(|&(file, published_ms)| Candidate { file, published_ms }).collect::<Vec<_>>();
        signing(&candidates, NOW).map(|place| keys[place].0)
    }

    #[test]
    fn a_sole_key_signs_at_once() {
        assert_eq!(chosen(&[("a", Some(NOW))]), Some("a"));
        assert_eq!(chosen(&[("a", None)]), Some("a"));
        assert_eq!(chosen(&[]), None);
    }

    #[test]
    fn a_key_added_beside_another_signs_after_ten_minutes() {
        let old = NOW - 5 * PUBLISHED_FIRST_MS;
        assert_eq!(chosen(&[("a", Some(old)), ("b", None)]), Some("a"));
        assert_eq!(chosen(&[("a", Some(old)), ("b", Some(NOW - PUBLISHED_FIRST_MS + 1))]), Some("a"));
        assert_eq!(chosen(&[("a", Some(old)), ("b", Some(NOW - PUBLISHED_FIRST_MS))]), Some("b"));
    }

    #[test]
    fn of_keys_that_are_all_new_the_first_signs() {
        assert_eq!(chosen(&[("b", Some(NOW - 2)), ("a", Some(NOW - 1))]), Some("b"));
        assert_eq!(chosen(&[("b", None), ("a", Some(NOW))]), Some("a"));
    }

    #[test]
    fn keys_of_one_age_are_told_apart_by_name_before_and_after_they_are_ripe() {
        assert_eq!(chosen(&[("b", Some(NOW)), ("a", Some(NOW))]), Some("a"));
        assert_eq!(chosen(&[("b", Some(0)), ("a", Some(0))]), Some("a"));
    }
}
