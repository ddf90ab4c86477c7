//! Whom a change of a question concerns: the asker, whoever may read it, and lawyers to whom it is open.
use std::collections::BTreeSet;

use yunfa_signaling::{
    ids::LawyerId,
    message::ServerMessage,
    question::{Event, Question, Step},
    words::QuestionChange,
};

use super::Parts;
use crate::live::{OpenQuestion, Person};

/// Tells everybody who is here, and the asker who is not by a short message when an answer came.
pub(super) fn tell(parts: &Parts, question: &Question, steps: &[Step]) {
    let has = |wanted: fn(&Event) -> bool| steps.iter().any(|step| wanted(&step.event));
    let changed = ServerMessage::Question { question: question.id(), change: QuestionChange::Changed };
    let asker = Person::Citizen(question.asked().citizen);
    let concerns_readers =
        steps.iter().any(|step| !matches!(step.event, Event::Renewed { .. } | Event::Widened { .. }));
    if concerns_readers {
        parts.live.news(asker, changed.clone());
        let readers: BTreeSet<LawyerId> = question
            .holders()
            .chain(question.answerers())
            .chain(steps.iter().filter_map(|step| lost(&step.event)))
            .collect();
        for lawyer in readers {
            parts.live.news(Person::Lawyer(lawyer), changed.clone());
        }
    }
    let answered = has(|event| matches!(event, Event::Answered { .. } | Event::Replied { .. }));
    if answered && !parts.live.is_here(asker) {
        notice(parts, question);
    }
    let reminded = has(|event| matches!(event, Event::Reminded { .. }));
    if reminded && question.pending() > 0 {
        let reminder = ServerMessage::Question { question: question.id(), change: QuestionChange::Reminder };
        for lawyer in question.answerers() {
            parts.live.news(Person::Lawyer(lawyer), reminder.clone());
        }
    }
    let opens = has(|event| {
        matches!(event, Event::Asked(_) | Event::Widened { .. } | Event::Freed { .. } | Event::Reopened {})
    });
    let takes = has(|event| matches!(event, Event::Claimed { .. } | Event::Ended { .. } | Event::GaveUp {}));
    let change = match (question.free_slots() > 0, reminded, opens, takes) {
        (true, true, ..) => QuestionChange::Reminder,
        (true, false, true, _) => QuestionChange::Open,
        (false, _, _, true) => QuestionChange::Taken,
        _ => return,
    };
    parts.live.question_open(OpenQuestion {
        question: question.id(),
        change,
        practice_area: question.asked().practice_area,
        area: question.asked().area.clone(),
        tier: question.tier(),
        but: question.answerers().collect(),
    });
}

/// Tells the asker and whoever may read the question that something in it is new.
pub(super) fn changed(parts: &Parts, question: &Question) {
    let changed = ServerMessage::Question { question: question.id(), change: QuestionChange::Changed };
    parts.live.news(Person::Citizen(question.asked().citizen), changed.clone());
    for lawyer in question.holders().chain(question.answerers()) {
        parts.live.news(Person::Lawyer(lawyer), changed.clone());
    }
}

/// Who may have lost the right to read.
const fn lost(event: &Event) -> Option<LawyerId> {
    match event {
        Event::Freed { lawyer, .. } => Some(*lawyer),
        _ => None,
    }
}

/// A short message to an asker who left a number: that there is an answer, and nothing of it.
fn notice(parts: &Parts, question: &Question) {
    let (parts, citizen) = (parts.clone(), question.asked().citizen);
    tokio::spawn(async move {
        match parts.store.phone(citizen).await {
            Ok(Some(phone)) => parts.sms.notice(&phone),
            Ok(None) => {}
            Err(error) => tracing::warn!("an asker could not be told of an answer: {error}"),
        }
    });
}
