//! Pods that roll and read their files at any time, while sealing is turned on and off and keys rotate: each pod of mail-service
//! can open each sealed mail as long as its code lives.

use std::sync::Arc;

use k8s_openapi::{
    api::core::v1::Secret,
    jiff::{SignedDuration, Timestamp},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::super::{KEY, NEXT_KEY, NextStep, Progress, PublicHalf, State, Wanted, draw};
use crate::{
    controller::entropy::Entropy,
    secret_values::{text, value},
};

/// Seconds that a code lives.
const LIFE: i64 = 300;

/// Seconds between two things that happen.
const TICK: i64 = 20;

/// A pod of mail-service, or of user-service.
#[derive(Clone, Default)]
struct Pod {
    /// The id of the key in its template.
    template: Option<String>,
    /// The ids of the keys in its files, as kubelet wrote them last.
    files: Vec<String>,
}

/// A sealed mail on its way.
struct Mail {
    key: String,
    expires_at: i64,
}

struct World {
    random: StdRng,
    seconds: i64,
    wanted: Wanted,
    secret: Option<Arc<Secret>>,
    readers: [Pod; 3],
    writers: [Pod; 3],
    mails: Vec<Mail>,
}

/// In place of a public half, which takes milliseconds in a test: each value is its own id.
fn half(secret: &Secret, name: &str) -> Option<PublicHalf> {
    value(secret, name).map(|_| PublicHalf { id: text(secret, name), key: String::new() })
}

fn id(half: &PublicHalf) -> String {
    half.id.clone()
}

impl World {
    fn new(seed: u64) -> Self {
        let wanted =
            Wanted { sealing: false, rotation: String::new(), code_life: SignedDuration::from_secs(LIFE) };
        let pods = || std::array::from_fn(|_| Pod::default());
        let random = StdRng::seed_from_u64(seed);
        Self { random, seconds: 0, wanted, secret: None, readers: pods(), writers: pods(), mails: Vec::new() }
    }

    fn state(&self) -> Option<State> {
        State::read(self.secret.as_deref()?, half)
    }

    /// The id of the key in the template of mail-service.
    fn opens_with(&self) -> Option<String> {
        self.state()?.opens_with().map(str::to_owned)
    }

    /// The id of the key in the template of user-service.
    fn seals_under(&self) -> Option<String> {
        self.state()?.seals_under().map(id)
    }

    /// What is in the files of mail-service.
    fn private(&self) -> Vec<String> {
        let halves =
            |secret: &Secret| [KEY, NEXT_KEY].into_iter().filter_map(|name| half(secret, name)).collect();
        let halves: Vec<_> = self.secret.as_deref().map(halves).unwrap_or_default();
        halves.iter().map(id).collect()
    }

    /// What is in the file of user-service.
    fn published(&self) -> Vec<String> {
        self.state().iter().filter_map(State::published).map(id).collect()
    }

    /// What a person, Kubernetes, or the operator does next.
    fn act(&mut self) {
        match self.random.random_range(0..100) {
            0 => self.wanted.sealing = true,
            1 => self.wanted.sealing = false,
            2 => self.wanted.rotation = self.seconds.to_string(),
            3..30 => self.roll(),
            30..55 => self.sync(),
            _ => self.reconcile(),
        }
    }

    fn reconcile(&mut self) {
        let (Some(secret), Some(state)) = (&self.secret, &self.state()) else {
            let key = draw(self.random.random());
            let data = Some([(KEY.to_owned(), key)].into());
            self.secret = self.wanted.sealing.then(|| Arc::new(Secret { data, ..Secret::default() }));
            return;
        };
        let (opens_with, seals_under) = (self.opens_with(), self.seals_under());
        let progress = Progress {
            secret,
            state,
            wanted: &self.wanted,
            readers_rolled: self.readers.iter().all(|pod| pod.template == opens_with),
            writers_rolled: self.writers.iter().all(|pod| pod.template == seals_under),
            now: Timestamp::from_second(self.seconds).unwrap(),
        };
        match progress.next_step(&Entropy::fixed(self.random.random())) {
            NextStep::Done | NextStep::Wait => {}
            NextStep::Write { change, .. } => self.secret = Some(Arc::new(change.applied())),
            NextStep::Delete => self.secret = None,
        }
    }

    /// One pod of each service is replaced by one of the current template.
    fn roll(&mut self) {
        let pod = self.random.random_range(0..3);
        self.readers[pod] = Pod { template: self.opens_with(), files: self.private() };
        self.writers[pod] = Pod { template: self.seals_under(), files: self.published() };
    }

    /// kubelet writes the files of one pod of each service anew. user-service goes on with its key if the file is empty.
    fn sync(&mut self) {
        let pod = self.random.random_range(0..3);
        self.readers[pod].files = self.private();
        let published = self.published();
        if !published.is_empty() {
            self.writers[pod].files = published;
        }
    }

    /// Each pod of user-service publishes a mail.
    fn publish(&mut self) {
        let sealing = self.writers.iter().filter(|pod| pod.template.is_some());
        let keys = sealing.filter_map(|pod| pod.files.first().cloned());
        self.mails.extend(keys.map(|key| Mail { key, expires_at: self.seconds + LIFE }));
    }

    fn pass(&mut self, seconds: i64) {
        self.seconds += seconds;
        self.mails.retain(|mail| mail.expires_at > self.seconds);
    }

    fn assert_readable(&self, seed: u64) {
        for mail in &self.mails {
            let opens = |pod: &Pod| pod.template.is_some() && pod.files.contains(&mail.key);
            assert!(self.readers.iter().all(opens), "seed {seed}, second {}", self.seconds);
        }
    }
}

#[test]
fn every_pod_of_mail_service_can_open_every_mail_whatever_happens_when() {
    let (mut sealed, mut ends, mut rotating) = (0, 0, 0);
    for seed in 0..40 {
        let mut world = World::new(seed);
        for _ in 0..2_000 {
            world.act();
            world.publish();
            world.assert_readable(seed);
            sealed += world.mails.len();
            ends += usize::from(world.secret.is_none());
            rotating += usize::from(world.private().len() > 1);
            world.pass(TICK);
        }
    }
    assert!(sealed > 10_000 && ends > 1_000 && rotating > 1_000, "{sealed} {ends} {rotating}");
}
