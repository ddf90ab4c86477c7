//! The HTTP API and the pages: every route in one list, each with the action that the policy table knows.
pub mod accept;
mod archive;
mod assets;
pub mod attachments;
mod auth;
mod body;
pub mod budget;
mod calendar;
mod citizen;
pub mod client;
mod conflicts;
pub mod crowd;
mod directory;
mod door;
pub mod finder;
mod firms;
mod floors;
mod follow_ups;
mod frame;
mod grades;
mod health;
mod invitations;
mod lawyers;
mod matters;
pub mod password;
pub mod policy;
pub mod problem;
mod push;
mod qualifications;
mod questions;
mod records;
mod reports;
mod roster;
mod sessions;
pub mod sms;
pub mod ticket;
pub mod tls;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    handler::Handler,
    http::Method,
    middleware,
    routing::{self, MethodRouter},
};
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, NotForContentType, Predicate},
    },
};

use crate::app::Shared;
use policy::Action;
use problem::{Code, Problem};

/// One route.
#[derive(Debug)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with axum's placeholders.
    pub path: &'static str,
    /// What the policy table is asked.
    pub action: Action,
    handler: MethodRouter<Shared>,
}

/// Every route of the API.
pub fn routes() -> Vec<Route> {
    vec![
        get("/healthz", Action::SeeHealth, health::alive),
        get("/readyz", Action::SeeHealth, health::ready),
        get("/api/version", Action::SeeHealth, health::version),
        get("/api/directory", Action::SeeDirectory, directory::read),
        get("/api/directory/lawyers", Action::SeeDirectory, finder::find),
        post("/api/citizen/guest", Action::BecomeGuest, citizen::guest),
        post("/api/citizen/phone/code", Action::ConfirmPhone, citizen::send_code),
        post("/api/citizen/phone", Action::ConfirmPhone, citizen::confirm),
        post("/api/login", Action::SignIn, auth::login),
        post("/api/logout", Action::SignOut, auth::logout),
        get("/api/me", Action::SeeSelf, auth::me),
        post("/api/totp", Action::EnrolTotp, auth::enrol),
        post("/api/totp/confirm", Action::EnrolTotp, auth::confirm),
        post("/api/totp/off", Action::EnrolTotp, auth::switch_off),
        post("/api/ws-ticket", Action::TakeTicket, ticket::take),
        get("/ws", Action::OpenSocket, ticket::open),
        get("/api/push", Action::UsePush, push::read),
        post("/api/push", Action::UsePush, push::subscribe),
        post("/api/push/off", Action::UsePush, push::unsubscribe),
        post("/api/invitation", Action::Activate, invitations::look),
        post("/api/activate", Action::Activate, invitations::activate),
        get("/api/lawyers", Action::ListLawyers, lawyers::list),
        post("/api/lawyers", Action::AddLawyer, lawyers::add),
        get("/api/lawyers/{id}", Action::ReadLawyer, lawyers::read),
        post("/api/lawyers/{id}", Action::EditLawyer, lawyers::edit),
        post("/api/lawyers/{id}/invitation", Action::InviteLawyer, invitations::invite_lawyer),
        post("/api/qualifications", Action::DecideQualification, qualifications::decide),
        get("/api/firms", Action::ListFirms, firms::list),
        post("/api/firms", Action::AddFirm, firms::add),
        post("/api/firms/{id}/settle", Action::SettleFirm, firms::settle),
        post("/api/firms/{id}/admins", Action::ManageFirm, firms::add_admin),
        table("/api/firms/{id}/import", Action::ManageFirm, firms::import),
        post("/api/firm-admins/{id}/close", Action::CloseFirmAdmin, firms::close_admin),
        get("/api/roster", Action::SeeRoster, roster::week),
        post("/api/roster", Action::PlanDuty, roster::plan),
        table("/api/roster/import", Action::PlanDuty, roster::import),
        post("/api/roster/{id}", Action::ChangeShift, roster::shift),
        post("/api/roster/{id}/drop", Action::DropShift, roster::unplan),
        get("/api/calendar", Action::SeeCalendar, calendar::list),
        post("/api/calendar", Action::SetCalendar, calendar::set),
        table("/api/calendar/import", Action::SetCalendar, calendar::import),
        get("/api/floors", Action::SeeFloors, floors::list),
        get("/api/floors/alarms", Action::SeeFloors, floors::alarms),
        post("/api/floors", Action::SetFloor, floors::set),
        get("/api/questions", Action::ListQuestions, questions::list),
        post("/api/questions", Action::AskQuestion, questions::ask),
        get("/api/questions/open", Action::SeeOpenQuestions, questions::open),
        get("/api/questions/{id}", Action::ReadQuestion, questions::read),
        post("/api/questions/{id}/follow-ups", Action::AskQuestion, questions::follow_up),
        post("/api/questions/{id}/attachments", Action::Attach, attachments::add),
        get("/api/attachments/{id}", Action::ReadAttachment, attachments::read),
        post("/api/questions/{id}/calls", Action::AskQuestion, questions::link),
        post("/api/questions/{id}/close", Action::CloseQuestion, questions::close),
        post("/api/questions/{id}/claim", Action::ClaimQuestion, questions::claim),
        post("/api/questions/{id}/release", Action::ClaimQuestion, questions::release),
        post("/api/questions/{id}/decline", Action::AnswerQuestion, questions::decline),
        post("/api/questions/{id}/answers", Action::AnswerQuestion, questions::answer),
        post("/api/questions/{id}/answers/{answer}", Action::AnswerQuestion, questions::amend),
        post("/api/questions/{id}/replies", Action::AnswerQuestion, questions::reply),
        get("/api/sessions", Action::ListSessions, sessions::list),
        post("/api/sessions/{id}/end", Action::EndSession, sessions::end),
        post("/api/sessions/{id}/report", Action::Report, reports::session),
        post("/api/questions/{id}/report", Action::Report, reports::question),
        get("/api/reports", Action::ListReports, reports::list),
        get("/api/reports/{id}", Action::ReadReport, reports::read),
        post("/api/reports/{id}", Action::DecideReport, reports::decide),
        post("/api/warnings/{id}/acknowledge", Action::AcknowledgeWarning, reports::acknowledge),
        get("/api/records", Action::ListRecords, records::list),
        get("/api/records/{id}", Action::ReadRecord, records::read),
        get("/api/matters", Action::ListMatters, matters::list),
        get("/api/matters/{id}", Action::ReadMatter, archive::read),
        get("/api/matters/{id}/archive", Action::ExportMatter, archive::export),
        post("/api/matters/{id}/grade", Action::GradeMatter, grades::grade),
        get("/api/matters/{id}/grades", Action::SeeGrades, grades::grades),
        post("/api/matters/{id}/incident", Action::LinkMatter, grades::link),
        get("/api/incidents", Action::ListIncidents, grades::incidents),
        post("/api/incidents", Action::NameIncident, grades::name),
        post("/api/incidents/{id}", Action::CountIncident, grades::count),
        get("/api/incidents/{id}/conflicts", Action::SeeConflicts, conflicts::list),
        post("/api/incidents/{id}/conflicts", Action::BarLawyer, conflicts::keep_out),
        post("/api/incidents/{id}/conflicts/lift", Action::LetLawyerIn, conflicts::let_in),
        get("/api/conflicts", Action::CountConflicts, conflicts::own),
        get("/api/escalations", Action::ListEscalations, grades::escalations),
        post("/api/escalations/{id}", Action::StepEscalation, grades::step),
        post("/api/matters/{id}/rating", Action::RateMatter, matters::rate),
        get("/api/matters/{id}/complaints", Action::SeeComplaints, matters::complaints),
        post("/api/matters/{id}/complaint", Action::Complain, matters::complain),
        post("/api/matters/{id}/reopening", Action::ReopenMatter, matters::reopen),
        post("/api/matters/{id}/appeal", Action::AppealRating, matters::object),
        get("/api/follow-ups", Action::ListFollowUps, follow_ups::list),
        get("/api/follow-ups/{id}", Action::ReadFollowUp, follow_ups::read),
        post("/api/follow-ups/{id}", Action::StepFollowUp, follow_ups::step),
        post("/api/follow-ups/{id}/phone", Action::SeeAskersPhone, follow_ups::phone),
        get("/api/appeals", Action::ListAppeals, follow_ups::appeals),
        post("/api/appeals/{id}/vote", Action::VoteOnAppeal, follow_ups::vote),
    ]
}

fn get<H: Handler<T, Shared>, T: 'static>(path: &'static str, action: Action, handler: H) -> Route {
    Route { method: Method::GET, path, action, handler: routing::get(handler) }
}

fn post<H: Handler<T, Shared>, T: 'static>(path: &'static str, action: Action, handler: H) -> Route {
    Route { method: Method::POST, path, action, handler: routing::post(handler) }
}

/// A route that takes a whole table as `text/csv`.
fn table<H: Handler<T, Shared>, T: 'static>(path: &'static str, action: Action, handler: H) -> Route {
    let handler = routing::post(handler).layer(DefaultBodyLimit::max(body::TABLE_BYTES));
    Route { method: Method::POST, path, action, handler }
}

/// The router with everything around it. No route gets past [`door::guard`].
pub fn router(app: Shared) -> Router {
    let mut guarded = Router::new();
    for route in routes() {
        let guard = middleware::from_fn_with_state((app.clone(), route.action), door::guard);
        guarded = guarded.route(route.path, route.handler.layer(guard));
    }
    guarded
        .fallback(assets::page)
        .method_not_allowed_fallback(async || Problem::from(Code::WrongMethod))
        .layer(
            ServiceBuilder::new()
                .layer(middleware::from_fn_with_state(app.clone(), frame::dress))
                .layer(CatchPanicLayer::custom(frame::caught))
                .layer(middleware::from_fn(assets::name_encoded))
                .layer(CompressionLayer::new().compress_when(gains()))
                .layer(DefaultBodyLimit::max(body::BODY_BYTES))
                .layer(middleware::from_fn_with_state(app.clone(), client::know)),
        )
        .with_state(app)
}

/// What compression makes smaller: pictures (by default), sound and PDF are compressed already.
fn gains() -> impl Predicate {
    let sound = NotForContentType::const_new("audio/");
    DefaultPredicate::new().and(sound).and(NotForContentType::const_new("application/pdf"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        appeal::AppealState,
        follow_up::{FollowUpAct, FollowUpResult, FollowUpState},
        grading::{EscalationAct, EscalationState, Sign},
        matter::MatterState,
        report::ReportState,
    };
    use yunfa_signaling::words::Grade;

    #[test]
    fn docs_state_shows_every_state_of_what_takes_days() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/state.md");
        let doc = std::fs::read_to_string(path).expect("docs/state.md");
        let section = |name: &str| {
            let (_, rest) = doc.split_once(&format!("\n## {name}\n")).expect("a section");
            rest.split("\n## ").next().unwrap_or_default().to_owned()
        };
        let mut missing = vec![];
        let mut look = |name: &str, words: Vec<&'static str>| {
            let text = section(name);
            missing.extend(words.into_iter().filter(|word| !text.contains(word)).map(|word| format!("{name}: {word}")));
        };

        look("Matter", MatterState::ALL.iter().map(|state| state.as_str()).collect());
        look("Follow-up", FollowUpState::ALL.iter().map(|state| state.as_str()).collect());
        look("Follow-up", FollowUpAct::ALL.iter().map(|act| act.as_str()).collect());
        look("Follow-up", FollowUpResult::ALL.iter().map(|result| result.as_str()).collect());
        look("Grade", Grade::ALL.iter().map(|grade| grade.as_str()).collect());
        look("Grade", Sign::ALL.iter().map(|sign| sign.as_str()).collect());
        look("Escalation", EscalationState::ALL.iter().map(|state| state.as_str()).collect());
        look("Escalation", EscalationAct::ALL.iter().map(|act| act.as_str()).collect());
        look("Report", ReportState::ALL.iter().map(|state| state.as_str()).collect());
        look("Appeal", AppealState::ALL.iter().map(|state| state.as_str()).collect());

        assert!(missing.is_empty(), "docs/state.md lacks {missing:?}");
    }

    #[test]
    fn docs_protocol_shows_every_route_and_every_code_with_its_status() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol.md");
        let doc = std::fs::read_to_string(path).expect("docs/protocol.md");
        let (_, http) = doc.split_once("\n## HTTP\n").expect("a section on HTTP");

        let routes = routes().into_iter().map(|route| format!("| `{} {}` |", route.method, route.path));
        let codes = Code::ALL.iter().map(|code| format!("| `{}` | {} |", code.as_str(), code.status().as_u16()));
        let missing: Vec<_> = routes.chain(codes).filter(|row| !http.contains(row.as_str())).collect();

        assert!(missing.is_empty(), "docs/protocol.md lacks {missing:#?}");
    }
}
