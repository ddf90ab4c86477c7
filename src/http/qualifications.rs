//! The bureau's decisions about qualifications: kept, and in force before the answer leaves.
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use yunfa_signaling::ids::LawyerId;

use super::{
    body::Said,
    door::{Caller, stored},
    lawyers::wrong,
    problem::{Code, Problem},
};
use crate::{
    app::{App, Shared},
    bus::Hint,
    domain::{
        people::{Lawyer, Qualification, Subject},
        qualification::Refused,
    },
    storage::qualifications::{Decided, Decision, Undecided},
};

/// Lawyers of one decision at most: a firm.
const MAX_LAWYERS: usize = 500;

/// `POST /api/qualifications`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    lawyers: Vec<LawyerId>,
    to: Qualification,
    reason: String,
}

/// Answers it.
#[derive(Serialize)]
pub(super) struct Told {
    decided: Vec<LawyerId>,
    refused: Vec<PassedOver>,
}

#[derive(Serialize)]
struct PassedOver {
    lawyer: LawyerId,
    code: &'static str,
}

/// `POST /api/qualifications`: a step for each of these lawyers. Who may not serve any more is out of routing when this answers.
pub(super) async fn decide(
    State(app): State<Shared>,
    caller: Caller,
    Said(asked): Said<Asked>,
) -> Result<Json<Told>, Problem> {
    if asked.lawyers.is_empty() || asked.lawyers.len() > MAX_LAWYERS {
        return Err(wrong(format!("lawyers names 1 to {MAX_LAWYERS}")));
    }
    let actor = caller.subject.id();
    let role = caller.subject.role();
    let decision = Decision { to: asked.to, reason: &asked.reason, actor: &actor, role };
    let turn = app.profiles.lock().await;
    let all = app.store.decide(&asked.lawyers, decision, app.clock.wall()).await.map_err(stored)?;
    let mut told = Told { decided: vec![], refused: vec![] };
    for Decided { id, outcome, lawyer } in all {
        // Also when it had been decided before: an answer that was lost may have kept us from telling.
        if let Some(lawyer) = lawyer {
            in_force(&app, lawyer).await;
        }
        match outcome {
            Ok(()) => told.decided.push(id),
            Err(Undecided::NoSuchLawyer) => told.refused.push(passed_over(id, Code::NotFound)),
            Err(Undecided::Stale) => told.refused.push(passed_over(id, Code::ChangedMeanwhile)),
            Err(Undecided::Refused(Refused::NoSuchStep { .. })) => {
                told.refused.push(passed_over(id, Code::NoSuchStep));
            }
            Err(Undecided::Refused(Refused::NotByRole)) => return Err(Code::NotAllowed.into()),
            Err(Undecided::Refused(refused @ Refused::Reason)) => return Err(wrong(refused.to_string())),
        }
    }
    app.finder.forget();
    drop(turn);
    Ok(Json(told))
}

/// Puts in force what is on the books of a lawyer; whoever calls holds the turn of the profiles.
pub(super) async fn in_force(app: &App, lawyer: Lawyer) {
    let (id, is_removed) = (lawyer.id, lawyer.qualification == Qualification::Removed);
    if !lawyer.qualification.may_serve() {
        app.questions.withdraw(id).await;
    }
    app.live.profile_changed(lawyer);
    if is_removed {
        app.bus.publish(Hint::SignedOut(Subject::Lawyer(id)));
    }
}

const fn passed_over(lawyer: LawyerId, code: Code) -> PassedOver {
    PassedOver { lawyer, code: code.as_str() }
}
