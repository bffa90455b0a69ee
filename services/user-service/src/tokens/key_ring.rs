//! The keys in use: which one signs, which ones tokens are checked with, and what is published. Replaced as a whole
//! when the folder or the hour changes.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;

use super::{
    jwks,
    key_folder::KeyFile,
    rotation::{self, Candidate},
    signing_key::{PublicKey, SigningKey},
};

/// When each key was first published, by key id, on Redis' clock.
#[derive(Debug, Clone, Default)]
pub struct PublicationTimes {
    /// Redis' clock, Unix milliseconds.
    pub now_ms: u64,
    /// First publication, Unix milliseconds.
    pub first_ms: HashMap<String, u64>,
}

/// The ring. Clones share it.
#[derive(Debug, Clone)]
pub struct KeyRing {
    state: Arc<ArcSwap<State>>,
    /// How long a removed key stays published.
    retention: Duration,
}

#[derive(Debug)]
struct State {
    files: Vec<KeyFile>,
    signing: usize,
    retired: Vec<(PublicKey, Instant)>,
    jwks: bytes::Bytes,
}

impl KeyRing {
    /// A ring with the keys of a folder; `None` without any. Until Redis has told the ages, the first signs.
    #[must_use]
    pub fn new(files: Vec<KeyFile>, token_life: Duration) -> Option<Self> {
        let signing = choose(&files, &PublicationTimes::default())?;
        let state = State::new(files, signing, Vec::new());
        let retention = token_life + Duration::from_secs(jwks::MAX_AGE_SECONDS);
        Some(Self { state: Arc::new(ArcSwap::from_pointee(state)), retention })
    }

    /// Takes the folder as it is now. Keys that left it are still accepted and published, until no token of theirs
    /// can live. Answers the id of the key that signs, if that changed.
    #[must_use = "a change is to be logged"]
    pub fn replace(&self, files: Vec<KeyFile>, times: &PublicationTimes, now: Instant) -> Option<String> {
        let old = self.state.load_full();
        let signing = choose(&files, times)?;
        let in_folder = |key: &PublicKey| files.iter().any(|file| file.key.kid() == key.kid());
        let mut retired = old.retired.clone();
        retired.extend(old.files.iter().map(|file| (file.key.public().clone(), now)));
        retired.retain(|(key, since)| !in_folder(key) && now.duration_since(*since) < self.retention);
        let changed = (old.signing_key().kid() != files[signing].key.kid())
            .then(|| files[signing].key.kid().to_owned());
        self.state.store(Arc::new(State::new(files, signing, retired)));
        changed
    }

    /// The ids of the folder's keys.
    #[must_use]
    pub fn kids(&self) -> Vec<String> {
        self.state.load().files.iter().map(|file| file.key.kid().to_owned()).collect()
    }

    /// All keys of the folder, the one that signs first.
    #[must_use]
    pub fn keys(&self) -> Vec<SigningKey> {
        let state = self.state.load();
        let others =
            state.files.iter().map(|file| &file.key).filter(|key| key.kid() != state.signing_key().kid());
        std::iter::once(state.signing_key()).chain(others).cloned().collect()
    }

    /// The key that signs now.
    #[must_use]
    pub fn signing(&self) -> SigningKey {
        self.state.load().signing_key().clone()
    }

    /// The public key with this id, if tokens of it are accepted.
    #[must_use]
    pub fn find(&self, kid: &str) -> Option<PublicKey> {
        self.state.load().public_keys().find(|key| key.kid() == kid).cloned()
    }

    /// The body of `/.well-known/jwks.json`.
    #[must_use]
    pub fn jwks(&self) -> bytes::Bytes {
        self.state.load().jwks.clone()
    }
}

impl State {
    fn new(files: Vec<KeyFile>, signing: usize, retired: Vec<(PublicKey, Instant)>) -> Self {
        let mut state = Self { files, signing, retired, jwks: bytes::Bytes::new() };
        state.jwks = jwks::body(state.public_keys().map(PublicKey::jwk));
        state
    }

    fn signing_key(&self) -> &SigningKey {
        &self.files[self.signing].key
    }

    fn public_keys(&self) -> impl Iterator<Item = &PublicKey> {
        let folder = self.files.iter().map(|file| file.key.public());
        folder.chain(self.retired.iter().map(|(key, _)| key))
    }
}

fn choose(files: &[KeyFile], times: &PublicationTimes) -> Option<usize> {
    let candidates = files.iter().map(|KeyFile { name, key }| Candidate {
        file: name,
        published_ms: times.first_ms.get(key.kid()).copied(),
    });
    rotation::signing(&candidates.collect::<Vec<_>>(), times.now_ms)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{KeyRing, PublicationTimes};
    use crate::tokens::{
        key_folder::KeyFile,
        rotation::PUBLISHED_FIRST_MS,
        signing_key::{
            SigningKey,
            tests::{KEY_A, KEY_B},
        },
    };

    const LIFE: Duration = Duration::from_mins(15);

    fn file(name: &str, pem: &str) -> KeyFile {
        KeyFile { name: name.to_owned(), key: SigningKey::parse(pem).unwrap() }
    }

    fn published(ring: &KeyRing) -> Vec<String> {
        let set: serde_json::Value = serde_json::from_slice(&ring.jwks()).unwrap();
        let kids = set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned());
        kids.collect()
    }

    #[test]
    fn a_rotation_publishes_first_and_keeps_the_old_key_until_its_tokens_are_dead() {
        let a = file("a", KEY_A);
        let b = file("b", KEY_B);
        let kid_a = a.key.kid().to_owned();
        let kid_b = b.key.kid().to_owned();
        let ring = KeyRing::new(vec![a.clone()], LIFE).unwrap();
        let start = Instant::now();
        let mut times = PublicationTimes { now_ms: 5 * PUBLISHED_FIRST_MS, ..PublicationTimes::default() };
        times.first_ms.insert(kid_a.clone(), 1);
        times.first_ms.insert(kid_b.clone(), times.now_ms);

        assert_eq!(ring.replace(vec![a.clone(), b.clone()], &times, start), None);
        assert_eq!(published(&ring), [kid_a.clone(), kid_b.clone()]);
        assert_eq!(ring.signing().kid(), kid_a);

        times.now_ms += PUBLISHED_FIRST_MS;
        assert_eq!(ring.replace(vec![a, b.clone()], &times, start), Some(kid_b.clone()));

        assert_eq!(ring.replace(vec![b.clone()], &times, start), None);
        assert!(ring.find(&kid_a).is_some() && published(&ring).contains(&kid_a));
        let almost = start + LIFE + Duration::from_secs(299);
        assert_eq!(ring.replace(vec![b.clone()], &times, almost), None);
        assert!(ring.find(&kid_a).is_some());
        assert_eq!(ring.replace(vec![b], &times, almost + Duration::from_secs(1)), None);
        assert!(ring.find(&kid_a).is_none());
        assert_eq!(published(&ring), [kid_b]);
    }

    #[test]
    fn a_ring_needs_a_key_and_an_empty_folder_changes_nothing() {
        assert!(KeyRing::new(Vec::new(), LIFE).is_none());
        let ring = KeyRing::new(vec![file("a", KEY_A)], LIFE).unwrap();
        assert_eq!(ring.replace(Vec::new(), &PublicationTimes::default(), Instant::now()), None);
        assert_eq!(ring.kids().len(), 1);
    }
}
