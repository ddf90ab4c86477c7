//! People, from outside: a firm that joins as a whole, invitations, qualifications that count at once, the duty roster, the
//! directory of citizens.
use reqwest::StatusCode;
use serde_json::{Value, json};
use yunfa_signaling::{
    message::{ClientMessage, ServerMessage},
    words::{Channel, OfferClosed, Presence},
};

use crate::{
    calls::{ask, offered, on_duty},
    page::Page,
    server::{Answer, Client, TestServer},
};

const HEAD: &str = "姓名,执业证号,人员类别,业务板块,语言,库,公职,所在区划,顾问村\r\n";
const PASSWORD: &str = "correct horse battery";

/// Sends a table.
async fn table(client: &Client, path: &str, text: impl Into<Vec<u8>>) -> Answer {
    client.send_table(path, text.into()).await
}

/// A firm that was written down.
async fn firm(dispatcher: &Client, name: &str) -> String {
    let added = dispatcher.post("/api/firms", &json!({ "name": name })).await;
    assert_eq!((added.status, &added.body["state"]), (StatusCode::CREATED, &json!("APPLYING")), "{:?}", added.body);
    added.body["id"].as_str().expect("an id").to_owned()
}

/// Everybody of a firm, by name.
async fn people(client: &Client, firm: &str) -> Vec<(String, String)> {
    let found = client.get(&format!("/api/lawyers?firm={firm}")).await.body;
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let items = found["items"].as_array().expect("a list");
    items.iter().map(|item| (text(&item["name"]), text(&item["id"]))).collect()
}

async fn decide(client: &Client, lawyer: &str, to: &str) -> Answer {
    client.post("/api/qualifications", &json!({ "lawyers": [lawyer], "to": to, "reason": "评议决定" })).await
}

/// Invites a lawyer and sets name and password with the code.
async fn activate(server: &TestServer, dispatcher: &Client, lawyer: &str, user: &str) -> Client {
    let invited = dispatcher.post(&format!("/api/lawyers/{lawyer}/invitation"), &json!({})).await;
    assert_eq!(invited.status, StatusCode::CREATED, "{:?}", invited.body);
    let said = json!({ "code": invited.body["code"], "user": user, "password": PASSWORD });
    let opened = server.nobody().post("/api/activate", &said).await;
    assert_eq!((opened.status, &opened.body["user"]), (StatusCode::CREATED, &json!(user)), "{:?}", opened.body);
    login(server, user).await
}

async fn login(server: &TestServer, user: &str) -> Client {
    let said = server.nobody().post("/api/login", &json!({ "user": user, "password": PASSWORD, "bearer": true })).await;
    assert_eq!(said.status, StatusCode::OK, "{:?}", said.body);
    server.nobody().bearer(said.body["token"].as_str().expect("a token"))
}

#[tokio::test]
async fn a_firm_joins_as_a_whole_and_its_lawyer_serves_until_the_bureau_says_otherwise() {
    let server = TestServer::start().await;
    let dispatcher = server.login("dispatcher").await;
    let firm = firm(&dispatcher, "新源律师事务所").await;
    let lines = "江上舟,N-10001,律师,刑事；劳动社保,普通话,本地,否,青石镇,青石村\r\n白日依,N-10002,律师,算命,,,,,\r\n";
    let path = format!("/api/firms/{firm}/import");

    // The table: looked at, kept, kept again.
    let preview = table(&dispatcher, &path, format!("\u{feff}{HEAD}{lines}")).await.body;
    assert_eq!((&preview["applied"], &preview["added"], &preview["refused"]), (&json!(false), &json!(1), &json!(1)));
    assert_eq!((&preview["findings"][0]["line"], &preview["findings"][0]["code"]), (&json!(3), &json!("unknown-word")));
    assert!(people(&dispatcher, &firm).await.is_empty(), "a preview changes nothing");
    let kept = table(&dispatcher, &format!("{path}?apply=true"), format!("{HEAD}{lines}")).await.body;
    assert_eq!((&kept["applied"], &kept["added"]), (&json!(true), &json!(1)));
    let again = table(&dispatcher, &format!("{path}?apply=true"), format!("{HEAD}{lines}")).await.body;
    assert_eq!((&again["added"], &again["same"], &again["refused"]), (&json!(0), &json!(1), &json!(1)));
    let (name, lawyer) = people(&dispatcher, &firm).await.remove(0);
    assert_eq!(name, "江上舟");

    // The login: may come in, may not serve.
    let client = activate(&server, &dispatcher, &lawyer, "jiang").await;
    let mut desk = Page::open(&client).await;
    let wish = ClientMessage::SetPresence { on_duty: true, on_break: false, on_site: false };
    assert!(desk.ask(wish.clone()).await.is_err(), "who has only applied is not on duty");
    for to in ["VERIFIED", "ACTIVE"] {
        let decided = decide(&dispatcher, &lawyer, to).await;
        assert_eq!(decided.body["decided"], json!([lawyer]), "{:?}", decided.body);
    }
    desk.ask(wish.clone()).await.expect("on duty now, in the same tab");

    // A ring that the bureau cuts.
    let mut asker = Page::open(&server.guest().await).await;
    ask(&server, &mut asker, Channel::Text).await;
    let offer = offered(&mut desk).await;
    let suspended = decide(&dispatcher, &lawyer, "SUSPENDED").await;
    assert_eq!(suspended.body["decided"], json!([lawyer]));
    let closed = desk.hear(|message| match message {
        ServerMessage::OfferClosed { offer: closed, reason } if *closed == offer.id => Some(*reason),
        _ => None,
    });
    assert_eq!(closed.await, OfferClosed::Withdrawn);
    assert!(desk.ask(ClientMessage::AcceptOffer { offer: offer.id }).await.is_err(), "too late");
    assert!(desk.ask(wish.clone()).await.is_err(), "suspended");

    // Reinstated: on duty by hand, and rung for who still waits.
    decide(&dispatcher, &lawyer, "REINSTATED").await;
    desk.ask(wish).await.expect("on duty again");
    offered(&mut desk).await;

    // Removed: out, and nothing lets them in again.
    let code = dispatcher.post(&format!("/api/lawyers/{lawyer}/invitation"), &json!({})).await.body["code"].clone();
    decide(&dispatcher, &lawyer, "REMOVED").await;
    assert_eq!(client.get("/api/me").await.status, StatusCode::UNAUTHORIZED);
    let refused = server.nobody().post("/api/login", &json!({ "user": "jiang", "password": PASSWORD })).await;
    assert_eq!(refused.code(), "wrong-login");
    let stale = json!({ "code": code, "user": "jiang2", "password": PASSWORD });
    assert_eq!(server.nobody().post("/api/activate", &stale).await.code(), "wrong-code");
    assert_eq!(decide(&dispatcher, &lawyer, "REINSTATED").await.body["refused"][0]["code"], json!("no-such-step"));
    let shown = dispatcher.get(&format!("/api/lawyers/{lawyer}")).await.body;
    let steps: Vec<_> = shown["steps"].as_array().expect("a list").iter().map(|step| step["to"].clone()).collect();
    assert_eq!(steps, ["REMOVED", "REINSTATED", "SUSPENDED", "ACTIVE", "VERIFIED"]);
    assert_eq!(shown["steps"][0]["by"], json!("钱小满"));
    server.server.app.store.verify_audit().await.expect("the store").expect("a whole log");
    server.stop().await;
}

#[tokio::test]
async fn who_is_suspended_in_a_call_finishes_it_and_hears_of_no_other() {
    let server = TestServer::start().await;
    let dispatcher = server.login("dispatcher").await;
    let (_, mut desk) = on_duty(&server, "lawyer1").await;
    let lawyer =
        people(&dispatcher, "firm-yunchuan").await.into_iter().find(|(name, _)| name == "林致远").expect("there").1;
    let mut asker = Page::open(&server.guest().await).await;
    ask(&server, &mut asker, Channel::Text).await;
    let session = crate::calls::begin(&mut desk, &mut asker).await.id;

    decide(&server.login("supervisor1").await, &lawyer, "SUSPENDED").await;

    crate::calls::say(&mut asker, session, "还在吗").await.expect("the call goes on");
    asker.ask(ClientMessage::HangUp { session }).await.expect("hung up");
    crate::calls::ended(&mut desk).await;
    crate::calls::write_outcome(&mut desk, session).await;
    let presences = server.server.app.live.presences().await;
    assert_eq!(presences.into_values().collect::<Vec<_>>(), [Presence::Online], "off duty");
    server.stop().await;
}

#[tokio::test]
async fn a_supervisor_may_suspend_and_nothing_else() {
    let server = TestServer::start().await;
    let (dispatcher, supervisor) = (server.login("dispatcher").await, server.login("supervisor1").await);
    let lawyer = people(&dispatcher, "firm-qingshi").await.remove(0).1;

    assert_eq!(decide(&supervisor, &lawyer, "REMOVED").await.status, StatusCode::FORBIDDEN);
    assert_eq!(decide(&supervisor, &lawyer, "SUSPENDED").await.body["decided"], json!([lawyer]));
    assert_eq!(decide(&supervisor, &lawyer, "REINSTATED").await.status, StatusCode::FORBIDDEN);
    let shown = supervisor.get(&format!("/api/lawyers/{lawyer}")).await.body;
    assert_eq!((&shown["qualification"], &shown["next"]), (&json!("SUSPENDED"), &json!([])));
    let silent = json!({ "lawyers": [lawyer], "to": "REINSTATED", "reason": " " });
    assert_eq!(dispatcher.post("/api/qualifications", &silent).await.code(), "bad-message");
    server.stop().await;
}

#[tokio::test]
async fn a_firms_administrator_sees_and_keeps_up_its_own_people_only() {
    let server = TestServer::start().await;
    let (dispatcher, admin) = (server.login("dispatcher").await, server.login("firmadmin").await);
    let own = people(&admin, "").await;
    assert_eq!(own.len(), 2, "lawyer1 and lawyer2 are of its firm: {own:?}");
    assert_eq!(people(&admin, "firm-qingshi").await, own, "another firm's are not there");
    let other = people(&dispatcher, "firm-qingshi").await.remove(0).1;
    let missing = admin.get("/api/lawyers/0192f3c4-5678-7abc-8def-0123456789ab").await;
    assert_eq!(admin.get(&format!("/api/lawyers/{other}")).await.body, missing.body);
    assert_eq!(admin.get("/api/firms").await.body["items"].as_array().map(Vec::len), Some(1));

    let path = format!("/api/lawyers/{}", own[0].1);
    let version = admin.get(&path).await.body["version"].clone();
    let upkeep = json!({ "version": version, "practiceAreas": ["DEBT", "LAND"], "languages": ["yue", "zh-CN"] });
    let kept = admin.post(&path, &upkeep).await;
    assert_eq!((kept.status, &kept.body["languages"]), (StatusCode::OK, &json!(["zh-CN", "yue"])), "{:?}", kept.body);
    assert_eq!(admin.post(&path, &upkeep).await.code(), "changed-meanwhile", "the version has moved on");
    let fresh = &kept.body["version"];
    for more in [json!({ "version": fresh, "name": "李鬼" }), json!({ "version": fresh, "pool": "NATIONAL" })] {
        assert_eq!(admin.post(&path, &more).await.code(), "not-allowed", "{more}");
    }
    let theirs =
        admin.post(&format!("/api/lawyers/{other}"), &json!({ "version": 1, "practiceAreas": ["DEBT"] })).await;
    assert_eq!((theirs.status, theirs.body), (StatusCode::NOT_FOUND, missing.body));
    server.stop().await;
}

#[tokio::test]
async fn an_invitation_opens_one_login_once() {
    let server = TestServer::start().await;
    let dispatcher = server.login("dispatcher").await;
    let firm = firm(&dispatcher, "新源律师事务所").await;
    let added = dispatcher.post(&format!("/api/firms/{firm}/admins"), &json!({ "name": "方寸" })).await;
    assert_eq!(added.status, StatusCode::CREATED, "{:?}", added.body);
    let code = &added.body["invitation"]["code"];
    let nobody = server.nobody();
    let say = |user: &str, password: &str| json!({ "code": code, "user": user, "password": password });

    let seen = nobody.post("/api/invitation", &json!({ "code": code })).await.body;
    assert_eq!((&seen["name"], &seen["role"], &seen["user"]), (&json!("方寸"), &json!("FIRM_ADMIN"), &Value::Null));
    assert_eq!(nobody.post("/api/activate", &say("fang.cun", "short")).await.code(), "bad-message");
    assert_eq!(nobody.post("/api/activate", &say("lawyer1", PASSWORD)).await.code(), "name-taken");
    assert_eq!(nobody.post("/api/activate", &say("fang.cun", PASSWORD)).await.status, StatusCode::CREATED);
    assert_eq!(nobody.post("/api/activate", &say("fang.cun2", PASSWORD)).await.code(), "wrong-code", "used up");
    assert_eq!(nobody.post("/api/invitation", &json!({ "code": "ABCD-ABCD-ABCD-ABCD" })).await.code(), "wrong-code");
    let admin = login(&server, "fang.cun").await;
    assert_eq!(admin.get("/api/me").await.body["role"], json!("FIRM_ADMIN"));

    let close = format!("/api/firm-admins/{}/close", added.body["id"].as_str().expect("an id"));
    assert_eq!(dispatcher.post(&close, &json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.get("/api/me").await.status, StatusCode::UNAUTHORIZED);
    server.stop().await;
}

#[tokio::test]
async fn a_new_invitation_voids_the_old_one_and_gives_a_new_password() {
    let server = TestServer::start().await;
    let dispatcher = server.login("dispatcher").await;
    let lawyer = people(&dispatcher, "firm-yunchuan").await.remove(0).1;
    let signed_in = server.login("lawyer2").await;
    let path = format!("/api/lawyers/{lawyer}/invitation");
    let invite = async || dispatcher.post(&path, &json!({})).await.body["code"].clone();
    let (old, new) = (invite().await, invite().await);
    let say = |code: &Value| json!({ "code": code, "user": "whatever", "password": PASSWORD });

    assert_eq!(server.nobody().post("/api/activate", &say(&old)).await.code(), "wrong-code");
    let opened = server.nobody().post("/api/activate", &say(&new)).await;

    let user = opened.body["user"].as_str().expect("a name").to_owned();
    assert!(user.starts_with("lawyer"), "the name stays: {user}");
    login(&server, &user).await;
    let expected = if user == "lawyer2" { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    assert_eq!(signed_in.get("/api/me").await.status, expected, "whoever was signed in is signed out");
    server.stop().await;
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "a figure for whoever looks")]
async fn a_table_that_is_none_is_refused_and_a_long_one_is_kept_within_the_time() {
    let server = TestServer::start().await;
    let dispatcher = server.login("dispatcher").await;
    let firm = firm(&dispatcher, "万人律师事务所").await;
    let path = format!("/api/firms/{firm}/import?apply=true");
    let lines = |n: usize| (0..n).map(|n| format!("林{n},M-{n:06},律师,其他；刑事,,,,,\r\n")).collect::<String>();

    let json = dispatcher.post(&path, &json!({})).await;
    assert_eq!((json.status, json.code()), (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-a-table"));
    assert_eq!(table(&dispatcher, &path, b"PK\x03\x04\0\0".to_vec()).await.code(), "not-a-table");
    assert_eq!(table(&dispatcher, &path, format!("{HEAD}{}", lines(10_001))).await.code(), "too-large");
    assert_eq!(table(&dispatcher, &path, vec![b'x'; 4 * 1024 * 1024 + 1]).await.code(), "too-large");
    assert!(people(&dispatcher, &firm).await.is_empty(), "nothing of it was kept");

    let clock = &server.server.app.clock;
    let began = clock.elapsed();
    let kept = table(&dispatcher, &path, format!("{HEAD}{}", lines(10_000))).await.body;
    let took = clock.elapsed() - began;
    let again = table(&dispatcher, &path, format!("{HEAD}{}", lines(10_000))).await.body;
    println!("10 000 lines kept in {took:?}, found the same in {:?}", clock.elapsed() - began - took);

    assert_eq!((&kept["added"], &again["same"], &again["added"]), (&json!(10_000), &json!(10_000), &json!(0)));
    server.stop().await;
}

#[tokio::test]
async fn the_roster_is_planned_brought_in_and_shows_who_is_not_there() {
    let server = TestServer::start().await;
    let dispatcher = server.login("dispatcher").await;
    let lawyer = people(&dispatcher, "firm-zhengda").await.remove(0).1;
    let now = server.server.app.clock.wall();
    let at = |minutes: i64| {
        let moment = yunfa_signaling::time::Timestamp(now.0 + minutes * 60_000);
        yunfa::domain::roster::in_local(moment)
    };
    let plan = |from: i64, to: i64| json!({ "lawyer": lawyer, "from": at(from), "to": at(to), "area": "青石镇" });
    let week = format!("/api/roster?from={}", &at(0)[..10]);

    let made = dispatcher.post("/api/roster", &plan(-10, 60)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    assert_eq!(dispatcher.post("/api/roster", &plan(30, 90)).await.code(), "overlap");
    assert_eq!(dispatcher.post("/api/roster", &plan(90, 30)).await.code(), "bad-message");
    let id = made.body["id"].as_str().expect("an id").to_owned();
    let begun = dispatcher.post(&format!("/api/roster/{id}/drop"), &json!({})).await;
    assert_eq!(begun.code(), "begun", "what has begun is evidence");
    yunfa::attendance::look(&server.server.app).await.expect("looked");
    let items = dispatcher.get(&week).await.body["items"].clone();
    let own = items.as_array().expect("a list").iter().find(|item| item["id"] == json!(id)).expect("there").clone();
    assert_eq!(
        (&own["attendance"], &own["missing"], &own["areaName"]),
        (&json!("AWAITED"), &json!(true), &json!("青石镇"))
    );

    let later = dispatcher.post("/api/roster", &plan(70, 130)).await.body["id"].as_str().expect("an id").to_owned();
    let moved = json!({ "from": at(80), "to": at(140) });
    assert_eq!(dispatcher.post(&format!("/api/roster/{later}"), &moved).await.status, StatusCode::NO_CONTENT);
    let clash = json!({ "from": at(50), "to": at(140) });
    assert_eq!(dispatcher.post(&format!("/api/roster/{later}"), &clash).await.code(), "overlap");
    assert_eq!(dispatcher.post(&format!("/api/roster/{later}/drop"), &json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(dispatcher.post(&format!("/api/roster/{later}/drop"), &json!({})).await.code(), "not-found");

    let lines = format!("库,开始,结束\n全国,{},{}\n省级,{},{}\n", at(200), at(260), at(200), at(260));
    let report = table(&dispatcher, "/api/roster/import?apply=true", lines).await.body;
    assert_eq!((&report["added"], &report["refused"]), (&json!(1), &json!(1)), "{report}");
    let mine = server.login("lawyer1").await.get(&week).await.body;
    assert!(mine["items"].as_array().expect("a list").iter().all(|item| item["lawyer"]["name"] == json!("林致远")));
    server.stop().await;
}

#[tokio::test]
async fn a_citizen_finds_lawyers_by_area_and_place_and_sees_who_is_free() {
    let server = TestServer::start().await;
    let (_, _desk) = on_duty(&server, "lawyer3").await;
    let find = async |query: &str| server.nobody().get(&format!("/api/directory/lawyers{query}")).await.body;
    let names = |body: &Value| -> Vec<String> {
        let items = body["items"].as_array().expect("a list");
        items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
    };

    let labour = find("?practiceArea=LABOUR&area=990121101201").await;
    assert_eq!(names(&labour)[..2], ["周明澜", "陈安宁"], "the village's adviser, then who is free");
    assert_eq!((&labour["items"][0]["adviser"], &labour["items"][1]["presence"]), (&json!(true), &json!("FREE")));
    assert_eq!(names(&find("?pool=NATIONAL").await), ["何北辰"]);
    let first = find("?limit=5").await;
    let second = find(&format!("?limit=5&cursor={}", first["next"].as_str().expect("a next page"))).await;
    let mut all = [names(&first), names(&second)].concat();
    all.sort();
    all.dedup();
    assert_eq!((all.len(), &second["next"]), (8, &Value::Null));
    let text = first.to_string();
    assert!(!text.contains("1990120") && !text.contains("firm") && !text.contains("user"), "{text}");
    assert_eq!(find("?area=nowhere").await["code"], json!("bad-message"));

    let dispatcher = server.login("dispatcher").await;
    let lawyer = labour["items"][1]["id"].as_str().expect("an id").to_owned();
    decide(&dispatcher, &lawyer, "SUSPENDED").await;
    assert!(!names(&find("?limit=50").await).contains(&"陈安宁".to_owned()), "at once");
    server.stop().await;
}
