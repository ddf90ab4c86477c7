//! What the office holds against a person: told at once, and in force at once. A session that runs goes on.
use yunfa_signaling::{
    message::{ClientMessage, ConsultationView, ServerMessage},
    time::Timestamp,
    words::ConsultationState,
};

use super::{Person, Task};
use crate::{
    domain::report::{Restraint, Warning},
    live::registry::ToConsultation,
};

impl Task {
    /// The office has decided something, or a page came with what is known of it.
    pub(super) fn restrained(&mut self, restraint: Restraint) {
        if restraint.version < self.restraint.version {
            return;
        }
        let now = self.registry.clock.wall();
        let before = std::mem::replace(&mut self.restraint, restraint);
        let until = self.restraint.blocked(now);
        if until != before.blocked(now) {
            self.tell_all_but(None, &ServerMessage::Blocked { until });
        }
        let fresh: Vec<_> =
            self.restraint.warnings.iter().filter(|warning| !before.warnings.contains(warning)).map(warned).collect();
        for message in fresh {
            self.tell_all_but(None, &message);
        }
        if until.is_some() && matches!(self.person, Person::Citizen(_)) {
            for matter in &self.matters {
                self.registry.post(*matter, ToConsultation::AskerBlocked);
            }
        }
    }

    /// What a page that starts afresh is told of it.
    pub(super) fn held_against(&self, now: Timestamp) -> Vec<ServerMessage> {
        let blocked = self.restraint.blocked(now).map(|until| ServerMessage::Blocked { until: Some(until) });
        blocked.into_iter().chain(self.restraint.warnings.iter().map(warned)).collect()
    }

    /// Why somebody who is blocked may not say this now.
    pub(super) fn refusal_of_blocked(&self, message: &ClientMessage) -> Option<&'static str> {
        let seeks = matches!(
            message,
            ClientMessage::RequestConsultation { .. }
                | ClientMessage::KeepWaiting { .. }
                | ClientMessage::CallMeBack { .. }
        );
        let is_blocked = seeks && self.restraint.blocked(self.registry.clock.wall()).is_some();
        is_blocked.then_some("the office has blocked this citizen for a time: `blocked` says until when")
    }

    /// A matter of somebody blocked whose session came to nothing does not wait again.
    pub(super) fn stop_waiting(&self, view: &ConsultationView) {
        let waits =
            matches!(view.state, ConsultationState::Matching | ConsultationState::OnHold | ConsultationState::Unserved);
        if waits && self.restraint.blocked(self.registry.clock.wall()).is_some() {
            self.registry.post(view.id, ToConsultation::AskerBlocked);
        }
    }
}

const fn warned(warning: &Warning) -> ServerMessage {
    ServerMessage::Warned { warning: warning.id, cause: warning.cause, at: warning.at }
}
