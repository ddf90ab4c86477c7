//! The policy, from outside: every route × every role, and nobody.
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use yunfa::{
    clock::Clock,
    domain::roster,
    http::{self, policy::Action},
};
use yunfa_signaling::time::Timestamp;

use crate::{
    after::dissatisfied, attachments, calls::other_lawyer, questions, records::held, reports, server::TestServer,
};

/// What each role gets at the door of an action: `.` is let in, otherwise the status.
/// Written down a second time on purpose: a change of the table has to be meant.
fn expected(action: Action) -> [u16; 7] {
    const IN: u16 = 0;
    match action {
        // nobody, citizen, lawyer, dispatcher, finance, supervisor, firm administrator
        Action::SeeHealth
        | Action::SeeDirectory
        | Action::OpenSocket
        | Action::BecomeGuest
        | Action::SignIn
        | Action::Activate => [IN; 7],
        Action::SignOut | Action::SeeSelf | Action::TakeTicket => [401, IN, IN, IN, IN, IN, IN],
        Action::ConfirmPhone => [401, IN, 403, 403, 403, 403, 403],
        Action::EnrolTotp => [401, 403, IN, IN, IN, IN, IN],
        Action::UsePush => [401, 403, IN, 403, 403, 403, 403],
        // A reason is wanted before the session is looked for.
        Action::EndSession => [401, 404, 404, 404, 404, IN, 404],
        Action::ListSessions => [401, 403, IN, IN, 403, IN, 403],
        Action::Report => [401, IN, IN, 404, 404, 404, 404],
        Action::ListReports => [401, 403, 403, IN, 403, IN, 403],
        Action::ReadReport | Action::AcknowledgeWarning => [401, 404, 404, 404, 404, 404, 404],
        // What was said is read before it is looked for.
        Action::DecideReport => [401, 404, 404, IN, 404, IN, 404],
        Action::ListRecords => [401, 403, IN, 403, 403, IN, 403],
        // A thing that is not there and one that is out of reach look the same.
        Action::ReadRecord
        | Action::ReadLawyer
        | Action::ReadQuestion
        | Action::ReadAttachment
        | Action::CloseQuestion
        | Action::ClaimQuestion => [401, 404, 404, 404, 404, 404, 404],
        Action::InviteLawyer | Action::CloseFirmAdmin | Action::SettleFirm | Action::DropShift => {
            [401, 404, 404, 404, 404, 404, 404]
        }
        // What was said is read before it is looked for.
        Action::EditLawyer => [401, 404, 404, IN, 404, 404, IN],
        Action::ListLawyers | Action::ListFirms => [401, 403, 403, IN, 403, IN, IN],
        Action::AddLawyer | Action::AddFirm | Action::PlanDuty => [401, 403, 403, IN, 403, 403, 403],
        Action::SeeCalendar => [401, 403, 403, IN, IN, IN, 403],
        Action::SetCalendar => [401, 403, 403, IN, 403, 403, 403],
        Action::SeeFloors | Action::SetFloor => [401, 403, 403, IN, 403, IN, 403],
        Action::DecideQualification => [401, 403, 403, IN, 403, IN, 403],
        Action::AskQuestion => [401, IN, 404, 404, 404, 404, 404],
        Action::Attach => [401, IN, IN, 404, 404, 404, 404],
        Action::AnswerQuestion => [401, 404, IN, 404, 404, 404, 404],
        Action::ListQuestions => [401, IN, IN, IN, 403, IN, 403],
        Action::SeeOpenQuestions => [401, 403, IN, 403, 403, 403, 403],
        Action::SeeRoster => [401, 403, IN, IN, 403, IN, IN],
        Action::ListMatters => [401, IN, IN, 403, 403, IN, 403],
        Action::RateMatter | Action::Complain | Action::ReopenMatter => [401, IN, 404, 404, 404, 404, 404],
        Action::SeeComplaints | Action::ReadFollowUp | Action::SeeAskersPhone => [401, 404, 404, 404, 404, 404, 404],
        Action::ReadMatter | Action::ExportMatter | Action::SeeGrades => [401, 404, 404, 404, 404, 404, 404],
        Action::SeeConflicts => [401, 404, 404, 404, 404, 404, 404],
        Action::BarLawyer | Action::LetLawyerIn => [401, 404, 404, 404, 404, IN, 404],
        Action::CountConflicts => [401, 403, IN, 403, 403, 403, 403],
        Action::GradeMatter | Action::LinkMatter | Action::CountIncident => [401, 404, IN, 404, 404, IN, 404],
        Action::ListIncidents | Action::NameIncident => [401, 403, IN, 403, 403, IN, 403],
        Action::ListEscalations => [401, 403, 403, 403, 403, IN, 403],
        Action::StepEscalation => [401, 404, 404, 404, 404, IN, 404],
        Action::AppealRating => [401, 404, IN, 404, 404, 404, 404],
        Action::ListFollowUps => [401, 403, 403, 403, 403, IN, 403],
        Action::StepFollowUp => [401, 404, 404, 404, 404, IN, 404],
        Action::ListAppeals => [401, 403, 403, IN, 403, IN, 403],
        Action::VoteOnAppeal => [401, 404, 404, IN, 404, IN, 404],
        Action::ManageFirm | Action::ChangeShift => [401, 404, 404, IN, 404, 404, 404],
    }
}

/// What each role gets for an object that the path names: its own, somebody else's, one that is not there.
/// `None` where a path names no object.
fn expected_of_objects(path: &str) -> Option<[[u16; 3]; 7]> {
    const OUT: [u16; 3] = [404; 3];
    let only_dispatcher = |dispatcher| Some([[401; 3], OUT, OUT, dispatcher, OUT, OUT, OUT]);
    // nobody, citizen, lawyer, dispatcher, finance, supervisor, firm administrator
    match path {
        "/api/records/{id}" => Some([[401; 3], OUT, [200, 404, 404], OUT, OUT, [200, 200, 404], OUT]),
        "/api/lawyers/{id}" => Some([[401; 3], OUT, OUT, [200, 200, 404], OUT, [200, 200, 404], [200, 404, 404]]),
        "/api/lawyers/{id} POST" => Some([[401; 3], OUT, OUT, [409, 409, 404], OUT, OUT, [409, 404, 404]]),
        "/api/lawyers/{id}/invitation POST" => only_dispatcher([201, 201, 404]),
        // Both have settled.
        "/api/firms/{id}/settle POST" => only_dispatcher([409, 409, 404]),
        "/api/firms/{id}/admins POST" => only_dispatcher([201, 201, 404]),
        // The body is no table.
        "/api/firms/{id}/import POST" => only_dispatcher([415; 3]),
        "/api/firm-admins/{id}/close POST" => only_dispatcher([204, 204, 404]),
        "/api/matters/{id}" | "/api/matters/{id}/archive" => {
            Some([[401; 3], [200, 404, 404], [200, 404, 404], OUT, OUT, [200, 200, 404], OUT])
        }
        "/api/matters/{id}/grades" => Some([[401; 3], OUT, [200, 404, 404], OUT, OUT, [200, 200, 404], OUT]),
        // Both are SENSITIVE already.
        "/api/matters/{id}/grade POST" => Some([[401; 3], OUT, [409, 404, 404], OUT, OUT, [409, 409, 404], OUT]),
        "/api/matters/{id}/incident POST" => Some([[401; 3], OUT, [204, 404, 404], OUT, OUT, [204, 204, 404], OUT]),
        "/api/incidents/{id} POST" => Some([[401; 3], OUT, [204, 204, 404], OUT, OUT, [204, 204, 404], OUT]),
        "/api/incidents/{id}/conflicts" => Some([[401; 3], OUT, OUT, OUT, OUT, [200, 200, 404], OUT]),
        // There is no such lawyer, so nobody is kept out.
        "/api/incidents/{id}/conflicts POST" => Some([[401; 3], OUT, OUT, OUT, OUT, [400, 400, 404], OUT]),
        "/api/incidents/{id}/conflicts/lift POST" => Some([[401; 3], OUT, OUT, OUT, OUT, [409, 409, 404], OUT]),
        "/api/escalations/{id} POST" => Some([[401; 3], OUT, OUT, OUT, OUT, [409, 409, 404], OUT]),
        // Both have one star, a complaint and an objection.
        // Both are over.
        "/api/sessions/{id}/end POST" => Some([[401; 3], OUT, OUT, OUT, OUT, [409, 409, 404], OUT]),
        "/api/matters/{id}/rating POST" => Some([[401; 3], [409, 404, 404], OUT, OUT, OUT, OUT, OUT]),
        // It is being followed up.
        "/api/matters/{id}/reopening POST" => Some([[401; 3], [409, 404, 404], OUT, OUT, OUT, OUT, OUT]),
        "/api/matters/{id}/complaint POST" => Some([[401; 3], [201, 404, 404], OUT, OUT, OUT, OUT, OUT]),
        "/api/matters/{id}/complaints" => Some([[401; 3], [200, 404, 404], OUT, OUT, OUT, OUT, OUT]),
        "/api/matters/{id}/appeal POST" => Some([[401; 3], OUT, [409, 404, 404], OUT, OUT, OUT, OUT]),
        "/api/follow-ups/{id}" => Some([[401; 3], OUT, OUT, OUT, OUT, [200, 200, 404], OUT]),
        // Another version than the one that is stored, and taken by nobody.
        "/api/follow-ups/{id} POST" | "/api/follow-ups/{id}/phone POST" => {
            Some([[401; 3], OUT, OUT, OUT, OUT, [409, 409, 404], OUT])
        }
        "/api/appeals/{id}/vote POST" => Some([[401; 3], OUT, OUT, [200, 200, 404], OUT, [200, 200, 404], OUT]),
        // Both were reported by both; a dispatcher has those that were referred.
        "/api/sessions/{id}/report POST" => Some([[401; 3], [409, 404, 404], [409, 404, 404], OUT, OUT, OUT, OUT]),
        // The asker does not say which lawyer.
        "/api/questions/{id}/report POST" => Some([[401; 3], [400, 404, 404], [201, 404, 404], OUT, OUT, OUT, OUT]),
        "/api/reports/{id}" => Some([[401; 3], OUT, OUT, OUT, OUT, [200, 200, 404], OUT]),
        "/api/reports/{id} POST" => Some([[401; 3], OUT, OUT, OUT, OUT, [409, 409, 404], OUT]),
        "/api/warnings/{id}/acknowledge POST" => Some([[401; 3], [204, 404, 404], OUT, OUT, OUT, OUT, OUT]),
        "/api/roster/{id} POST" | "/api/roster/{id}/drop POST" => only_dispatcher([204, 204, 404]),
        "/api/questions/{id}" => Some([[401; 3], [200, 404, 404], [200, 404, 404], OUT, OUT, OUT, OUT]),
        "/api/questions/{id}/follow-ups POST" | "/api/questions/{id}/close POST" => {
            Some([[401; 3], [200, 404, 404], OUT, OUT, OUT, OUT, OUT])
        }
        // By now its asker has closed it; the other one was taken back.
        "/api/questions/{id}/claim POST" | "/api/questions/{id}/answers POST" => {
            Some([[401; 3], OUT, [409, 409, 404], OUT, OUT, OUT, OUT])
        }
        "/api/questions/{id}/replies POST" => Some([[401; 3], OUT, [409, 404, 404], OUT, OUT, OUT, OUT]),
        // It is not said of which text.
        "/api/questions/{id}/attachments POST" => Some([[401; 3], [400; 3], [400; 3], OUT, OUT, OUT, OUT]),
        "/api/attachments/{id}" => Some([[401; 3], [200, 404, 404], [200, 404, 404], OUT, OUT, OUT, OUT]),
        // What is asked for next belongs to it.
        "/api/questions/{id}/calls POST" => Some([[401; 3], [204, 404, 404], OUT, OUT, OUT, OUT, OUT]),
        "/api/questions/{id}/release POST"
        | "/api/questions/{id}/decline POST"
        | "/api/questions/{id}/answers/{answer} POST" => Some([[401; 3], OUT, OUT, OUT, OUT, OUT, OUT]),
        _ => None,
    }
}

/// What is said about an object, so that everything but its id is right.
fn said_about(path: &str) -> Value {
    match path {
        "/api/lawyers/{id}" => json!({ "version": 999_999, "practiceAreas": ["LAND"] }),
        "/api/firms/{id}/admins" => json!({ "name": "方寸" }),
        "/api/sessions/{id}/report" | "/api/questions/{id}/report" => json!({ "cause": "INSULT" }),
        "/api/reports/{id}" => json!({ "version": 999_999, "to": "DISMISSED", "reason": "已核实" }),
        "/api/sessions/{id}/end" => json!({ "reason": "谩骂" }),
        "/api/matters/{id}/grade" => json!({ "grade": "SENSITIVE", "reason": "群体讨薪" }),
        "/api/matters/{id}/incident" => json!({ "incident": null }),
        "/api/incidents/{id}/conflicts" => json!({ "lawyer": SOME, "reason": "代理过对方" }),
        "/api/incidents/{id}/conflicts/lift" => json!({ "lawyer": SOME }),
        "/api/incidents/{id}" => json!({ "people": 3 }),
        "/api/escalations/{id}" => json!({ "version": 999_999, "act": "CONFIRM", "note": "已核实" }),
        "/api/matters/{id}/rating" => json!({ "stars": 5 }),
        "/api/matters/{id}/reopening" => json!({ "consultation": "0192f3c4-5678-7abc-8def-0123456789ac" }),
        "/api/matters/{id}/complaint" => json!({ "cause": "ATTITUDE", "text": "没有回答" }),
        "/api/matters/{id}/appeal" => json!({ "reason": "不实" }),
        "/api/follow-ups/{id}" => json!({ "version": 999_999, "act": "TAKE" }),
        "/api/appeals/{id}/vote" => json!({ "uphold": false, "reason": "查过记录" }),
        "/api/roster/{id}" => json!({ "from": tomorrow(10), "to": tomorrow(11) }),
        "/api/questions/{id}/follow-ups" => json!({ "id": SOME, "text": "还有一问" }),
        "/api/questions/{id}/calls" => json!({ "call": SOME }),
        "/api/questions/{id}/decline" => json!({ "reason": "OTHER" }),
        "/api/questions/{id}/answers" => json!({ "id": SOME, "text": "答".repeat(30), "outcome": "ADVICE_GIVEN" }),
        "/api/questions/{id}/answers/{answer}" => json!({ "version": 1, "text": "答".repeat(30) }),
        "/api/questions/{id}/replies" => json!({ "id": SOME_OTHER, "followUp": 1, "text": "可以" }),
        _ => json!({}),
    }
}

/// Ids that nothing has yet.
const SOME: &str = "0192f3c4-5678-7abc-8def-0123456789cd";
const SOME_OTHER: &str = "0192f3c4-5678-7abc-8def-0123456789ce";

/// A local time of tomorrow.
fn tomorrow(hour: i64) -> String {
    let now = Clock::machine().wall();
    let midnight = roster::local(&format!("{}T00:00", &roster::in_local(now)[..10])).expect("a time");
    roster::in_local(Timestamp(midnight.0 + (24 + hour) * 3_600_000))
}

/// For each kind of object that a path may name one that is the lawyer's and the firm's own, and one that is neither's.
struct Objects {
    records: [String; 2],
    sessions: [String; 2],
    lawyers: [String; 2],
    admins: [String; 2],
    shifts: [String; 2],
    matters: [String; 2],
    follow_ups: [String; 2],
    appeals: [String; 2],
    questions: [String; 2],
    incidents: [String; 2],
    escalations: [String; 2],
    attachments: [String; 2],
    reports: [String; 2],
    warnings: [String; 2],
}

impl Objects {
    fn of(&self, path: &str) -> [&str; 2] {
        let both = match path.split('/').nth(2) {
            Some("records") => &self.records,
            Some("sessions") => &self.sessions,
            Some("lawyers") => &self.lawyers,
            Some("firm-admins") => &self.admins,
            Some("roster") => &self.shifts,
            Some("matters") => &self.matters,
            Some("follow-ups") => &self.follow_ups,
            Some("appeals") => &self.appeals,
            Some("questions") => &self.questions,
            Some("incidents") => &self.incidents,
            Some("escalations") => &self.escalations,
            Some("attachments") => &self.attachments,
            Some("reports") => &self.reports,
            Some("warnings") => &self.warnings,
            _ => return ["firm-yunchuan", "firm-qingshi"],
        };
        both.each_ref().map(String::as_str)
    }
}

#[tokio::test]
async fn every_route_to_an_object_gives_each_role_its_own_and_hides_the_rest() {
    const MISSING: &str = "0192f3c4-5678-7abc-8def-0123456789ab";
    let server = TestServer::with(&[("limits.requests_per_second", "10000")], Clock::machine()).await;
    let own = held(&server, "lawyer1").await;
    let others = held(&server, other_lawyer(&server)).await;
    let dispatcher = server.login("dispatcher").await;
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let one_of = async |firm: &str| {
        let found = dispatcher.get(&format!("/api/lawyers?firm={firm}")).await.body;
        text(&found["items"][0]["id"])
    };
    let lawyers = [one_of("firm-yunchuan").await, one_of("firm-qingshi").await];
    let admin = async |firm: &str| {
        let added = dispatcher.post(&format!("/api/firms/{firm}/admins"), &json!({ "name": "方寸" })).await;
        text(&added.body["id"])
    };
    let shift = async |pool: &str| {
        let new = json!({ "pool": pool, "from": tomorrow(8), "to": tomorrow(9) });
        text(&dispatcher.post("/api/roster", &new).await.body["id"])
    };
    let question = questions::ask(&own.asker).await;
    own.lawyer.post(&format!("/api/questions/{question}/claim"), &json!({})).await;
    questions::answer(&own.lawyer, &question).await;
    let stranger = server.guest().await;
    let taken_back = questions::ask(&stranger).await;
    stranger.post(&format!("/api/questions/{taken_back}/close"), &json!({})).await;
    let supervisor = server.login("supervisor1").await;
    let matters = [dissatisfied(&own).await, dissatisfied(&others).await];
    let of_matters = async |path: &str| {
        let found = supervisor.get(path).await.body;
        let items = found["items"].as_array().expect("a list").clone();
        matters.each_ref().map(|matter| {
            let item = items.iter().find(|item| item["matter"] == json!(matter)).expect("one of this matter");
            text(&item["id"])
        })
    };
    let session = async |record: &str| text(&supervisor.get(&format!("/api/records/{record}")).await.body["sessionId"]);
    for (held, matter) in [&own, &others].into_iter().zip(&matters) {
        let said = json!({ "grade": "SENSITIVE", "reason": "群体讨薪" });
        let graded = held.lawyer.post(&format!("/api/matters/{matter}/grade"), &said).await;
        assert_eq!(graded.body["grade"], json!("SENSITIVE"), "{:?}", graded.body);
    }
    let incident = async |name: &str| {
        let named = supervisor.post("/api/incidents", &json!({ "name": name, "people": 2 })).await;
        text(&named.body["id"])
    };
    let sessions = [session(&own.record).await, session(&others.record).await];
    let mut reports = vec![];
    for (held, session) in [&own, &others].into_iter().zip(&sessions) {
        reports.push(reports::both_ways(&server, &supervisor, held, session).await);
    }
    let reported = |one: fn(&(String, String)) -> &String| [one(&reports[0]).clone(), one(&reports[1]).clone()];
    let objects = Objects {
        reports: reported(|(report, _)| report),
        warnings: reported(|(_, warning)| warning),
        escalations: of_matters("/api/escalations").await,
        incidents: [incident("甲矿欠薪").await, incident("乙村征地").await],
        sessions,
        follow_ups: of_matters("/api/follow-ups").await,
        appeals: of_matters("/api/appeals").await,
        matters: matters.clone(),
        attachments: [
            attachments::attach(&own.asker, &question).await,
            attachments::attach(&stranger, &taken_back).await,
        ],
        questions: [question, taken_back],
        records: [own.record, others.record],
        lawyers,
        admins: [admin("firm-yunchuan").await, admin("firm-qingshi").await],
        shifts: [shift("LOCAL").await, shift("NATIONAL").await],
    };
    let roles = [
        server.nobody(),
        own.asker,
        own.lawyer,
        dispatcher.clone(),
        server.login("finance").await,
        supervisor.clone(),
        server.login("firmadmin").await,
    ];
    let mut wrong = vec![];
    for route in http::routes() {
        let key = if route.method == Method::POST { format!("{} POST", route.path) } else { route.path.to_owned() };
        let expected = expected_of_objects(&key);
        assert_eq!(expected.is_some(), route.path.contains('{'), "{key} has a row, or needs none");
        let [own, other] = objects.of(route.path);
        for (role, expected) in expected.iter().flatten().enumerate() {
            for (object, expected) in [own, other, MISSING].into_iter().zip(expected) {
                let body = (route.method == Method::POST).then(|| said_about(route.path).to_string());
                let ask = async |id| {
                    roles[role].send(route.method.clone(), &route.path.replace("{id}", id), body.clone()).await
                };
                let (answer, missing) = (ask(object).await, ask(MISSING).await);
                let hidden = answer.status != StatusCode::NOT_FOUND
                    || (&answer.body, answer.headers.get("content-length"))
                        == (&missing.body, missing.headers.get("content-length"));
                if answer.status != *expected || !hidden {
                    wrong.push(format!("{key} as role {role}, {object}: {} {}", answer.status, answer.body));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    server.stop().await;
}

#[tokio::test]
async fn every_route_lets_in_whom_the_policy_lets_in_and_nobody_else() {
    let server = TestServer::with(&[("limits.requests_per_second", "10000")], Clock::machine()).await;
    let users = [
        None,
        Some("citizen"),
        Some("lawyer1"),
        Some("dispatcher"),
        Some("finance"),
        Some("supervisor1"),
        Some("firmadmin"),
    ];
    let mut wrong = vec![];
    for route in http::routes() {
        for (user, expected) in users.iter().zip(expected(route.action)) {
            let client = match user {
                None => server.nobody(),
                Some("citizen") => server.guest().await,
                Some(user) => server.login(user).await,
            };
            let path = route.path.replace("{id}", "0192f3c4-5678-7abc-8def-0123456789ab");
            // A body that no handler accepts: whoever is let in hears that, and nothing is changed.
            let body = (route.method == Method::POST).then(|| json!({ "nonsense": true }).to_string());
            let answer = client.send(route.method.clone(), &path, body).await;
            let refusals = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND];
            let status = if refusals.contains(&answer.status) { answer.status.as_u16() } else { 0 };
            let at_the_door = answer.code() != "totp-required";
            if status != expected || !at_the_door {
                wrong.push(format!("{} {} as {user:?}: {} {}", route.method, route.path, answer.status, answer.body));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    server.stop().await;
}

#[tokio::test]
async fn a_path_that_is_no_route_is_not_found_for_everybody() {
    let server = TestServer::start().await;

    for client in [server.nobody(), server.login("supervisor1").await] {
        for path in ["/api/secrets", "/api/records/x/y", "/api", "/metrics"] {
            for method in [Method::GET, Method::POST, Method::DELETE] {
                let answer = client.send(method, path, None).await;
                assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, "not-found"), "{path}");
            }
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn an_id_that_is_none_and_a_record_that_is_not_there_look_the_same() {
    let server = TestServer::start().await;
    let lawyer = server.login("lawyer1").await;

    let nonsense = lawyer.get("/api/records/nonsense").await;
    let missing = lawyer.get("/api/records/0192f3c4-5678-7abc-8def-0123456789ab").await;
    let finance = server.login("finance").await.get("/api/records/0192f3c4-5678-7abc-8def-0123456789ab").await;

    assert_eq!(nonsense.body, missing.body);
    assert_eq!(finance.body, missing.body);
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    server.stop().await;
}
