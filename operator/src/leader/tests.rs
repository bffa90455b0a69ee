use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use service_kit::{backoff::pause, shutdown::Shutdown};
use test_kit::fake_api::FakeApi;
use tokio::time::{Instant, timeout};

use super::{Candidate, GIVE_UP, LEASE, Leadership};

const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/team/leases/ping-operator";

/// Of paused time: three times the longest that anything here may take.
const SOON: Duration = Duration::from_mins(1);

fn candidate(api: &FakeApi, identity: &str) -> Leadership {
    let candidate = Candidate {
        namespace: "team".to_owned(),
        lease: "ping-operator".to_owned(),
        identity: identity.to_owned(),
    };
    Leadership::new(api.client(), candidate, Shutdown::new())
}

/// Somebody else writes the Lease.
fn seize(api: &FakeApi, holder: &str) {
    let mut lease = api.get(PATH).unwrap();
    lease["spec"]["holderIdentity"] = json!(holder);
    api.put(PATH, lease);
}

fn holder(api: &FakeApi) -> Value {
    api.get(PATH).unwrap()["spec"]["holderIdentity"].clone()
}

#[tokio::test(start_paused = true)]
async fn of_two_candidates_one_leads() {
    let api = FakeApi::default();
    let one = candidate(&api, "one");
    let two = candidate(&api, "two");
    tokio::select! {
        both = futures::future::join(one.acquire(), two.acquire()) => panic!("both lead: {both:?}"),
        () = async {
            while api.get(PATH).is_none() {
                tokio::task::yield_now().await;
            }
        } => {}
    }
    assert!(["one", "two"].contains(&holder(&api).as_str().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_ends_the_leadership() {
    let api = FakeApi::default();
    let one = candidate(&api, "one");
    let held = one.acquire().await.unwrap();
    seize(&api, "two");
    timeout(SOON, one.keep(held)).await.expect("it goes on without the lease");
    assert_eq!(holder(&api), "two", "it took the lease back");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_renewed_is_given_up_before_another_may_take_it() {
    let api = FakeApi::default();
    let one = candidate(&api, "one");
    let held = one.acquire().await.unwrap();
    api.fail(Method::PUT, PATH, StatusCode::INTERNAL_SERVER_ERROR);
    let since = Instant::now();
    timeout(SOON, one.keep(held)).await.expect("it goes on without the lease");
    assert!((GIVE_UP..LEASE).contains(&since.elapsed()), "{:?}", since.elapsed());
}

/// Packets are dropped: no request is answered, and none is refused.
#[tokio::test(start_paused = true)]
async fn a_holder_that_is_cut_off_stops_two_seconds_before_another_may_start_whenever_that_happens() {
    for half_seconds in 0..12 {
        let api = FakeApi::default();
        let one = candidate(&api, "one");
        let held = one.acquire().await.unwrap();
        let since = Instant::now();
        let cut_off = async {
            pause(Duration::from_millis(half_seconds * 500), &Shutdown::new()).await.unwrap();
            api.silence(true);
            std::future::pending::<()>().await;
        };
        tokio::select! { () = one.keep(held) => {}, () = cut_off => {} }
        // It renews every three seconds; another may start twelve seconds after the last of these.
        let last_renewal = Duration::from_secs(half_seconds / 6 * 3);
        let stopped = since.elapsed();
        assert!(
            stopped + Duration::from_secs(2) <= last_renewal + LEASE,
            "{half_seconds}: after {stopped:?}"
        );
        assert!(stopped >= Duration::from_secs(half_seconds / 2), "{half_seconds}: before it was cut off");
    }
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_is_cut_off_for_a_while_leads_afterwards() {
    let api = FakeApi::default();
    api.silence(true);
    let one = candidate(&api, "one");
    let back = async {
        pause(Duration::from_secs(15), &Shutdown::new()).await.unwrap();
        api.silence(false);
    };
    let (held, ()) = futures::future::join(timeout(SOON, one.acquire()), back).await;
    held.expect("it waits for an answer to its first request").unwrap();
    assert_eq!(holder(&api), "one");
}

#[tokio::test(start_paused = true)]
async fn a_renewed_lease_is_kept_and_its_holder_goes_on() {
    let api = FakeApi::default();
    let one = candidate(&api, "one");
    let held = one.acquire().await.unwrap();
    let first = api.get(PATH).unwrap()["metadata"]["resourceVersion"].clone();
    assert!(timeout(SOON, one.keep(held)).await.is_err(), "it ended though nothing took the lease");
    assert_ne!(api.get(PATH).unwrap()["metadata"]["resourceVersion"], first);
    assert_eq!(holder(&api), "one");
}

#[tokio::test(start_paused = true)]
async fn the_lease_of_a_holder_that_is_gone_is_taken_over_and_not_before_its_time() {
    let api = FakeApi::default();
    candidate(&api, "one").acquire().await.unwrap();
    let since = Instant::now();
    timeout(SOON, candidate(&api, "two").acquire()).await.expect("nobody leads").unwrap();
    assert!(since.elapsed() >= LEASE, "{:?}", since.elapsed());
    assert_eq!(holder(&api), "two");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_given_back_is_taken_at_once() {
    let api = FakeApi::default();
    let one = candidate(&api, "one");
    one.acquire().await.unwrap();
    one.release().await;
    let since = Instant::now();
    timeout(SOON, candidate(&api, "two").acquire()).await.expect("nobody leads").unwrap();
    assert!(since.elapsed() < LEASE, "{:?}", since.elapsed());
}
