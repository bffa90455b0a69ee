use std::time::Duration;

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{Instant, advance, interval, sleep_until, timeout},
};

use super::{LEAST, LoginConcurrency, QUICK_PER_PLACE};

const MOST: usize = 1024;
const SLOW: Duration = Duration::from_millis(1_500);
const DEADLINE: Duration = Duration::from_secs(3);

fn limit() -> LoginConcurrency {
    LoginConcurrency::new(MOST, SLOW)
}

fn places(limit: &LoginConcurrency) -> usize {
    limit.state().places
}

async fn slow_login(limit: &LoginConcurrency) {
    let place = limit.enter();
    advance(SLOW * 2).await;
    drop(place);
}

/// Four times as many logins as the server behind can take, for two minutes; answers how many of the second minute were
/// answered in time, of the 6,000 that the server has done. The server does each login, however late it is.
async fn answered_in_time(limit: LoginConcurrency) -> usize {
    let (queue, mut waiting) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
    let mut server = JoinSet::new();
    server.spawn(async move {
        while let Some(answer) = waiting.recv().await {
            sleep_until(Instant::now() + Duration::from_millis(10)).await;
            let _ = answer.send(());
        }
    });
    let began = Instant::now();
    let mut ticks = interval(Duration::from_micros(2_500));
    let mut logins = JoinSet::new();
    while began.elapsed() < Duration::from_mins(2) {
        ticks.tick().await;
        let Some(place) = limit.enter() else { continue };
        let (answer, answered) = oneshot::channel();
        queue.send(answer).unwrap();
        let late = began.elapsed() > Duration::from_mins(1);
        logins.spawn(async move {
            let in_time = timeout(DEADLINE, answered).await.is_ok();
            drop(place);
            in_time && late
        });
    }
    logins.join_all().await.into_iter().filter(|counts| *counts).count()
}

#[tokio::test(start_paused = true)]
async fn servers_that_cannot_keep_up_still_answer_nearly_all_that_they_can() {
    let answered = answered_in_time(limit()).await;
    assert!(answered > 5_000, "{answered} of 6,000 were answered in time");
    // What it is there for: where nothing counts as slow, all the work is for nothing.
    let fixed = answered_in_time(LoginConcurrency::new(MOST, Duration::MAX)).await;
    assert!(fixed < 500, "{fixed} were answered in time without it");
}

#[tokio::test(start_paused = true)]
async fn beyond_its_places_a_login_is_refused_and_each_place_comes_back() {
    let limit = LoginConcurrency::new(2, SLOW);
    let held = (limit.enter(), limit.enter());
    assert!(held.0.is_some() && held.1.is_some() && limit.enter().is_none());
    drop(held);
    assert!(limit.enter().is_some());
}

#[tokio::test(start_paused = true)]
async fn logins_that_are_slow_together_cut_the_limit_once() {
    let limit = limit();
    let together: Vec<_> = (0..100).map(|_| limit.enter()).collect();
    advance(SLOW * 2).await;
    drop(together);
    assert_eq!(places(&limit), MOST * 2 / 3);
    advance(SLOW).await;
    slow_login(&limit).await;
    assert_eq!(places(&limit), MOST * 2 / 3 * 2 / 3);
}

#[tokio::test(start_paused = true)]
async fn the_limit_never_falls_below_its_least_and_quick_answers_raise_it_to_the_most() {
    let limit = limit();
    for _ in 0..50 {
        slow_login(&limit).await;
        advance(SLOW).await;
    }
    assert_eq!(places(&limit), LEAST);
    for _ in 0..MOST * QUICK_PER_PLACE as usize {
        drop(limit.enter());
    }
    assert_eq!(places(&limit), MOST);
}
