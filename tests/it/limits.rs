//! Limits: who tries too often waits, and learns nothing by it.
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use yunfa::clock::Clock;
use yunfa_signaling::time::Timestamp;

use crate::{
    machine,
    server::{TestServer, guest},
};

const QUARTER_HOUR: Duration = Duration::from_secs(15 * 60);

fn login(user: &str, password: &str) -> Value {
    json!({ "user": user, "password": password, "bearer": true })
}

#[tokio::test]
async fn after_five_wrong_passwords_the_right_one_has_to_wait_too() {
    let clock = Clock::by_hand(Timestamp(1_795_000_000_000));
    let server = TestServer::with(&[], clock.clone()).await;
    let (nobody, right) = (server.nobody(), login("lawyer2", &server.password("lawyer2")));

    for _ in 0..5 {
        assert_eq!(nobody.post("/api/login", &login("lawyer2", "wrong")).await.code(), "wrong-login");
    }
    let refused = nobody.post("/api/login", &right).await;
    clock.advance(QUARTER_HOUR + Duration::from_secs(1));
    let later = nobody.post("/api/login", &right).await;

    assert_eq!((refused.status, refused.code()), (StatusCode::TOO_MANY_REQUESTS, "rate-limited"));
    assert_eq!(refused.headers["retry-after"], "900");
    assert_eq!(later.status, StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn an_account_that_does_not_exist_answers_like_one_that_does() {
    let server = TestServer::start().await;
    let nobody = server.nobody();

    for n in 0..6 {
        let known = nobody.post("/api/login", &login("lawyer3", "wrong")).await;
        let unknown = nobody.post("/api/login", &login("lawyer99", "wrong")).await;
        assert_eq!((known.status, &known.body), (unknown.status, &unknown.body), "try {n}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_missing_account_is_refused_after_as_long_as_one_that_exists() {
    let [known, missing] = login_times(8).await.map(median);

    // Without a password that is checked for nobody, a missing account would be refused in a tenth of the time.
    let apart = known.abs_diff(missing);
    assert!(apart < known / 4, "{known:?} for an account that exists, {missing:?} for one that does not");
}

#[tokio::test]
#[ignore = "a measurement; `make strangers-test` runs it on a release build"]
async fn no_statistic_tells_a_missing_account_from_one_that_exists() {
    let times = login_times(60).await;
    let moments = times.clone().map(|times| {
        let seconds: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
        let (n, sum) = (seconds.len() as f64, seconds.iter().sum::<f64>());
        let variance = seconds.iter().map(|s| (s - sum / n).powi(2)).sum::<f64>() / (n - 1.0);
        (sum / n, variance / n)
    });
    let [(known, one), (missing, other)] = moments;
    let t = (known - missing) / (one + other).sqrt();
    machine::say(&format!("{} tries each; medians {:?}; Welch t {t:.2}", times[0].len(), times.map(median)));

    assert!(t.abs() < 3.0, "Welch t {t}");
}

/// How long each wrong login took: of an account that exists, of one that does not. Five of each in a round, by turns.
async fn login_times(rounds: u32) -> [Vec<Duration>; 2] {
    let clock = Clock::by_hand(Timestamp(1_795_000_000_000));
    let server = TestServer::with(&[], clock.clone()).await;
    let (nobody, watch) = (server.nobody(), Clock::machine());
    let mut times = [vec![], vec![]];
    for _ in 0..rounds {
        for turn in 0..10 {
            let which = (turn + turn / 2) % 2;
            let user = ["lawyer3", "lawyer99"][which];
            let began = watch.elapsed();
            assert_eq!(nobody.post("/api/login", &login(user, "wrong")).await.code(), "wrong-login");
            times[which].push(watch.elapsed() - began);
        }
        clock.advance(QUARTER_HOUR + Duration::from_secs(1));
    }
    server.stop().await;
    times
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[tokio::test]
async fn one_address_has_twenty_wrong_tries_over_all_accounts() {
    let server = TestServer::start().await;
    let nobody = server.nobody();

    for n in 0..20 {
        assert_eq!(nobody.post("/api/login", &login(&format!("user{n}"), "wrong")).await.code(), "wrong-login", "{n}");
    }

    assert_eq!(nobody.post("/api/login", &login("lawyer1", &server.password("lawyer1"))).await.code(), "rate-limited");
    server.stop().await;
}

#[tokio::test]
async fn trying_in_parallel_gives_no_more_tries() {
    let server = TestServer::start().await;
    let tries = (0..12).map(|_| {
        let nobody = server.nobody();
        async move { nobody.post("/api/login", &login("lawyer4", "wrong")).await.code().to_owned() }
    });

    let codes = futures_util::future::join_all(tries).await;

    assert!(codes.iter().filter(|code| *code == "wrong-login").count() <= 5, "{codes:?}");
    server.stop().await;
}

#[tokio::test]
async fn good_logins_do_not_use_up_tries() {
    let server = TestServer::start().await;

    for _ in 0..25 {
        server.login("dispatcher").await;
    }
    server.stop().await;
}

#[tokio::test]
async fn one_address_brings_only_so_many_guests() {
    let server = TestServer::with(&[("limits.guests_per_address", "2")], Clock::machine()).await;
    let nobody = server.nobody();
    let ask = async || nobody.post("/api/citizen/guest", &guest(json!({}))).await;

    let statuses = [ask().await.status, ask().await.status, ask().await.status];

    assert_eq!(statuses, [StatusCode::CREATED, StatusCode::CREATED, StatusCode::TOO_MANY_REQUESTS]);
    server.stop().await;
}

#[tokio::test]
async fn one_phone_gets_only_so_many_codes_whoever_asks() {
    let server = TestServer::with(&[("limits.sms_per_phone", "2")], Clock::machine()).await;
    let phone = json!({ "phone": "13900139000" });
    let mut codes = vec![];
    for _ in 0..3 {
        codes.push(server.guest().await.post("/api/citizen/phone/code", &phone).await.status);
    }

    assert_eq!(codes, [StatusCode::ACCEPTED, StatusCode::ACCEPTED, StatusCode::TOO_MANY_REQUESTS]);
    server.stop().await;
}

#[tokio::test]
async fn a_flood_of_requests_is_refused_and_health_still_answers() {
    let server =
        TestServer::with(&[("limits.requests_per_second", "1")], Clock::by_hand(Timestamp(1_795_000_000_000))).await;
    let nobody = server.nobody();
    let mut codes = vec![];
    for _ in 0..5 {
        codes.push(nobody.get("/api/directory").await.code().to_owned());
    }

    assert_eq!(codes, ["", "", "", "", "rate-limited"]);
    let refused = nobody.get("/api/directory").await;
    assert_eq!(refused.headers["connection"], "close", "what is sent already is not refused one by one");
    assert_eq!(nobody.get("/readyz").await.status, StatusCode::OK);
    server.stop().await;
}
