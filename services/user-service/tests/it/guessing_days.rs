//! What somebody with many networks can guess at one address, on a clock that the test sets, against the scripts as they
//! are. The documents say the numbers that come out.

use std::{collections::HashMap, time::Duration};

use redis::AsyncCommands as _;

use crate::support::{Service, repository, wrong_codes};

const ADA: &str = "ada@example.org";
const DAY: Duration = Duration::from_hours(24);
const STEP: Duration = Duration::from_secs(10);

/// How attempts are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Without a challenge, from the network of the login.
    Bare,
    /// With the challenge of the login.
    Challenge,
    /// One after the other.
    Alternating,
    /// Without a challenge, at the codes of two logins at once.
    TwoCodes,
}

/// Somebody who guesses as fast as the limits allow, each login from a network that was not seen before.
struct Guesser<'a> {
    service: &'a Service,
    way: Way,
    /// All logins and attempts come from here instead.
    network: Option<&'static str>,
    logins: u32,
    client: String,
    challenge: String,
    code: String,
    attempts: u32,
    /// How many attempts were compared with a code, and how many comparisons that made.
    compared: u32,
    comparisons: u32,
}

impl<'a> Guesser<'a> {
    fn new(service: &'a Service, way: Way) -> Self {
        let (client, challenge, code) = (String::new(), String::new(), "000000".to_owned());
        Self {
            service,
            way,
            network: None,
            logins: 0,
            client,
            challenge,
            code,
            attempts: 0,
            compared: 0,
            comparisons: 0,
        }
    }

    async fn login(&mut self) -> bool {
        let fresh = format!("198.{}.{}.1", 51 + self.logins / 250, self.logins % 250);
        self.logins += 1;
        let client = self.network.map_or(fresh, str::to_owned);
        let answer = self.service.login_from(&client, ADA).await;
        if answer.status == 200 {
            self.client = client;
            answer.json["challenge"].as_str().unwrap().clone_into(&mut self.challenge);
            self.code = self.service.outbox.last_code(ADA);
        }
        answer.status == 200
    }

    /// One attempt; whether it was compared, or is to wait.
    async fn attempt(&mut self) -> Attempt {
        self.attempts += 1;
        let wrong = wrong_codes(&self.code).nth((self.attempts % 1000) as usize).unwrap();
        let with = match self.way {
            Way::Bare | Way::TwoCodes => false,
            Way::Challenge => true,
            Way::Alternating => self.attempts.is_multiple_of(2),
        };
        let before = tries(self.service).await;
        let answer = if with {
            self.service.verify_with_from(&self.client, &self.challenge, ADA, &wrong).await
        } else {
            self.service.verify_from(&self.client, ADA, &wrong).await
        };
        if answer.status == 429 {
            // A known network waits for others if its challenge is dead.
            let for_others = answer.json["violated-policies"][0] == "verify-address";
            return if self.network.is_some() && for_others { Attempt::NoCode } else { Attempt::Waits };
        }
        answer.expect(400);
        let comparisons = tries(self.service).await - before;
        self.comparisons += comparisons;
        self.compared += u32::from(comparisons > 0);
        if comparisons > 0 { Attempt::Compared } else { Attempt::NoCode }
    }

    /// Everything that is possible at this moment.
    async fn go_on(&mut self) {
        loop {
            match self.attempt().await {
                Attempt::Compared => {}
                Attempt::Waits => return,
                Attempt::NoCode => {
                    if !self.login().await {
                        return;
                    }
                    if self.way == Way::TwoCodes {
                        self.service.advance(Duration::from_mins(1)).await;
                        self.login().await;
                    }
                }
            }
        }
    }
}

enum Attempt {
    Compared,
    NoCode,
    Waits,
}

/// The attempts that live codes were compared with, all together.
async fn tries(service: &Service) -> u32 {
    let hash: HashMap<String, String> =
        service.redis().await.hgetall(format!("otp:codes:{ADA}")).await.unwrap();
    let tries = hash.iter().filter(|(field, _)| field.ends_with(":tries"));
    tries.map(|(_, tries)| tries.parse::<u32>().unwrap()).sum()
}

/// Moves the clock to the end of the next wait, or by a step where there is none; by how much.
async fn wait(service: &Service, left: Duration) -> Duration {
    let mut redis = service.redis().await;
    let mut ends = Vec::new();
    for key in service.keys().await.iter().filter(|key| key.contains("-wait:")) {
        ends.push(redis.pttl::<_, i64>(key).await.unwrap());
    }
    let until: Option<i64> = redis.hget(format!("limit:verify-in-a-row:{ADA}"), "until").await.unwrap();
    let (seconds, micros): (i64, i64) = redis::cmd("TIME").query_async(&mut redis).await.unwrap();
    ends.push(until.unwrap_or_default() - (seconds * 1000 + micros / 1000));
    let next = ends.into_iter().filter_map(|left| u64::try_from(left).ok()).filter(|left| *left > 0).min();
    let wait = next.map_or(STEP, Duration::from_millis).max(Duration::from_millis(100)).min(left);
    service.advance(wait).await;
    wait
}

/// All of them guess for this long.
async fn guess_for(service: &Service, guessers: &mut [Guesser<'_>], time: Duration) {
    let mut left = time;
    while left > Duration::ZERO {
        for guesser in &mut *guessers {
            guesser.go_on().await;
        }
        left = left.saturating_sub(wait(service, left).await);
    }
}

/// The documents say this, whatever their line breaks.
fn assert_documented(document: &str, sentence: &str) {
    let text = std::fs::read_to_string(repository().join(document)).unwrap();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(sentence), "{document} does not say: {sentence}");
}

#[tokio::test]
async fn a_day_of_guessing_is_49_attempts_whichever_way_they_come() {
    for (way, comparisons) in
        [(Way::Bare, 49), (Way::Challenge, 49), (Way::Alternating, 49), (Way::TwoCodes, 90)]
    {
        let service = Service::start().await;
        let mut guessers = [Guesser::new(&service, way)];
        guess_for(&service, &mut guessers, DAY).await;
        assert_eq!((guessers[0].compared, guessers[0].comparisons), (49, comparisons), "{way:?}");
    }
    assert_documented("README.md", "from any number of networks is 49 attempts in a day");
    assert_documented("ARCHITECTURE.md", "have 49 attempts at an address in a day");
    assert_documented("docs/security.md", "has 49 attempts in a day, with or without challenges");
}

#[tokio::test]
async fn around_a_sign_in_of_the_user_and_the_end_of_a_day_it_is_73_in_24_hours() {
    let mut most = 0;
    // The day's window begins with one attempt, and the rest of its attempts come this long before its end.
    for seconds in [150, 300, 1_200, 2_400, 4_020, 7_620] {
        let service = Service::start().await;
        let mut guessers = [Guesser::new(&service, Way::Bare)];
        let burst = Duration::from_secs(seconds);
        service.sign_in(ADA).await;
        service.advance(Duration::from_mins(1)).await;
        guessers[0].login().await;
        guessers[0].attempt().await;
        service.advance(DAY.saturating_sub(burst)).await;
        guessers[0].compared = 0;
        guess_for(&service, &mut guessers, burst).await;
        let (code, challenge) = service.code_for(ADA).await;
        service.verify_with(&challenge, ADA, &code).await.expect(200);
        guess_for(&service, &mut guessers, DAY.saturating_sub(burst)).await;
        most = most.max(guessers[0].compared);
    }
    assert_eq!(most, 73);
    assert_documented("ARCHITECTURE.md", "(73 in the worst 24 hours)");
    assert_documented("docs/security.md", "it is 73 attempts in 24 hours");
}

#[tokio::test]
async fn a_guesser_in_a_known_network_has_at_most_49_more() {
    const SHARED: &str = "203.0.113.50";
    let service = Service::start().await;
    let (code, _) = service.code_from(SHARED, ADA).await;
    service.verify_from(SHARED, ADA, &code).await.expect(200);
    service.advance(Duration::from_mins(1)).await;
    let mut known = Guesser::new(&service, Way::Challenge);
    known.network = Some(SHARED);
    let mut guessers = [Guesser::new(&service, Way::Challenge), known];
    guess_for(&service, &mut guessers, DAY).await;
    let [stranger, known] = guessers;
    assert!(stranger.compared < 49 && (40..=49).contains(&known.compared), "{}", known.compared);
    assert_documented("docs/security.md", "has up to 49 attempts a day more");
}

#[tokio::test]
async fn without_a_sign_in_of_the_user_99_attempts_are_compared_and_it_takes_more_than_40_days() {
    let service = Service::start().await;
    let mut guessers = [Guesser::new(&service, Way::Challenge)];
    let mut days = Vec::new();
    for _ in 0..60 {
        guess_for(&service, &mut guessers, DAY).await;
        days.push(guessers[0].compared);
    }
    assert_eq!((days[0], days[1], days[39], days[40], days[59]), (49, 60, 98, 99, 99), "{days:?}");
    assert_documented("README.md", "and 99 in a row");
    assert_documented(
        "docs/security.md",
        "no more than 99 attempts are compared, which takes the attacker more than 40 days",
    );
}
