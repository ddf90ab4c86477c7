//! Who may say what: one table, role by message.
use crate::{error::ProtocolError, message::ClientMessage, words::Role};

/// Refuses a message that this role never says; whether it fits the moment is for the machines.
pub const fn check(role: Role, message: &ClientMessage) -> Result<(), ProtocolError> {
    let allowed = match message {
        ClientMessage::Hello { .. } | ClientMessage::Resume { .. } | ClientMessage::Ping {} => true,
        ClientMessage::RequestConsultation { .. }
        | ClientMessage::CancelConsultation { .. }
        | ClientMessage::KeepWaiting { .. }
        | ClientMessage::CallMeBack { .. }
        | ClientMessage::AnswerCall { .. }
        | ClientMessage::Rate { .. } => matches!(role, Role::Citizen),
        ClientMessage::SetPresence { .. }
        | ClientMessage::OfferDelivered { .. }
        | ClientMessage::OfferSeen { .. }
        | ClientMessage::AcceptOffer { .. }
        | ClientMessage::DeclineOffer { .. }
        | ClientMessage::TakeOver {}
        | ClientMessage::InviteThird { .. }
        | ClientMessage::RecordOutcome { .. } => matches!(role, Role::Lawyer),
        ClientMessage::JoinMedia { .. }
        | ClientMessage::SetDevices { .. }
        | ClientMessage::FallBack { .. }
        | ClientMessage::ProposeChannel { .. }
        | ClientMessage::AnswerChannel { .. }
        | ClientMessage::AnswerInvitation { .. }
        | ClientMessage::RemoveThird { .. }
        | ClientMessage::SendChat { .. }
        | ClientMessage::TypeText { .. }
        | ClientMessage::ReadChat { .. }
        | ClientMessage::HangUp { .. } => matches!(role, Role::Citizen | Role::Lawyer),
    };
    if allowed { Ok(()) } else { Err(ProtocolError::NotAllowed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::one_of_each;

    #[test]
    fn the_office_only_greets_and_the_sides_keep_to_their_own() {
        let may = |role: Role| -> Vec<&'static str> {
            let messages = one_of_each();
            messages.iter().filter(|message| check(role, message).is_ok()).map(ClientMessage::name).collect()
        };

        assert_eq!(may(Role::Supervisor), ["hello", "resume", "ping"]);
        assert_eq!(may(Role::Dispatcher), may(Role::Supervisor));
        assert_eq!(may(Role::Finance), may(Role::Supervisor));
        assert_eq!(may(Role::FirmAdmin), may(Role::Supervisor));
        assert_eq!(
            may(Role::Citizen),
            [
                "hello",
                "resume",
                "ping",
                "requestConsultation",
                "cancelConsultation",
                "keepWaiting",
                "callMeBack",
                "answerCall",
                "joinMedia",
                "setDevices",
                "fallBack",
                "proposeChannel",
                "answerChannel",
                "answerInvitation",
                "removeThird",
                "sendChat",
                "typeText",
                "readChat",
                "hangUp",
                "rate"
            ]
        );
        assert_eq!(
            may(Role::Lawyer),
            [
                "hello",
                "resume",
                "ping",
                "setPresence",
                "offerDelivered",
                "offerSeen",
                "acceptOffer",
                "declineOffer",
                "takeOver",
                "joinMedia",
                "setDevices",
                "fallBack",
                "proposeChannel",
                "answerChannel",
                "inviteThird",
                "answerInvitation",
                "removeThird",
                "sendChat",
                "typeText",
                "readChat",
                "hangUp",
                "recordOutcome"
            ]
        );
    }
}
