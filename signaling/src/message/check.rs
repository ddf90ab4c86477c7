//! Bounds of what a client says, checked before any machine hears it.
use super::{ClientFrame, ClientMessage, MAX_CHAT_CHARS, MAX_SDP_BYTES, MAX_TOKEN_CHARS, PROTOCOL_VERSION};
use crate::{
    error::ProtocolError,
    private::{ChatText, Sdp, Token},
    words::Channel,
};

impl ClientFrame {
    /// Checks the bounds of the message inside.
    pub fn check(&self) -> Result<(), ProtocolError> {
        self.message.check()
    }
}

impl ClientMessage {
    /// Checks every bound that can be checked without knowing any state. The shell calls it on each decoded frame;
    /// the machines call it again, so that no other shell can forget it.
    pub fn check(&self) -> Result<(), ProtocolError> {
        match self {
            Self::Hello { version, ticket, device: _ } => spoken(*version).and_then(|()| token("ticket", ticket)),
            Self::Resume { version, resume_token, last_seq: _, epoch: _ } => {
                spoken(*version).and_then(|()| token("resumeToken", resume_token))
            }
            Self::JoinMedia { attempt: _, offer } => sdp(offer),
            Self::FallBack { session: _, channel: Channel::Video } => {
                Err(ProtocolError::BadField { field: "channel", rule: "cannot fall back to video" })
            }
            Self::ProposeChannel { session: _, channel: Channel::Text } => {
                Err(ProtocolError::BadField { field: "channel", rule: "text needs no proposal" })
            }
            Self::SendChat { session: _, message: _, text } => chat(text),
            Self::TypeText { session: _, keep, text } => typed(*keep, text),
            Self::RecordOutcome { outcome, .. } if !outcome.can_be_said() => {
                Err(ProtocolError::BadField { field: "outcome", rule: "is the server's own word" })
            }
            Self::RecordOutcome { session: _, outcome, legal_aid_prompted: _, referral_type }
                if !outcome.goes_with(*referral_type) =>
            {
                Err(ProtocolError::BadField { field: "referralType", rule: "does not go with this outcome" })
            }
            Self::Rate { consultation: _, stars } if !(1..=5).contains(stars) => {
                Err(ProtocolError::BadField { field: "stars", rule: "must be 1 to 5" })
            }
            Self::Ping {}
            | Self::SetPresence { .. }
            | Self::RequestConsultation { .. }
            | Self::CancelConsultation { .. }
            | Self::KeepWaiting { .. }
            | Self::CallMeBack { .. }
            | Self::AnswerCall { .. }
            | Self::OfferDelivered { .. }
            | Self::OfferSeen { .. }
            | Self::AcceptOffer { .. }
            | Self::DeclineOffer { .. }
            | Self::TakeOver {}
            | Self::SetDevices { .. }
            | Self::FallBack { .. }
            | Self::ProposeChannel { .. }
            | Self::AnswerChannel { .. }
            | Self::InviteThird { .. }
            | Self::AnswerInvitation { .. }
            | Self::RemoveThird { .. }
            | Self::ReadChat { .. }
            | Self::HangUp { .. }
            | Self::RecordOutcome { .. }
            | Self::Rate { .. } => Ok(()),
        }
    }
}

fn spoken(version: u16) -> Result<(), ProtocolError> {
    if version == PROTOCOL_VERSION { Ok(()) } else { Err(ProtocolError::UnsupportedVersion) }
}

fn token(field: &'static str, token: &Token) -> Result<(), ProtocolError> {
    at_most(field, token.expose().len(), MAX_TOKEN_CHARS)
}

fn sdp(offer: &Sdp) -> Result<(), ProtocolError> {
    at_most("offer", offer.expose().len(), MAX_SDP_BYTES)
}

fn chat(text: &ChatText) -> Result<(), ProtocolError> {
    if text.expose().trim().is_empty() {
        return Err(ProtocolError::BadField { field: "text", rule: "must not be blank" });
    }
    at_most("text", text.expose().chars().count(), MAX_CHAT_CHARS)
}

fn typed(keep: u32, text: &ChatText) -> Result<(), ProtocolError> {
    let kept = usize::try_from(keep).unwrap_or(usize::MAX);
    at_most("text", text.expose().chars().count().saturating_add(kept), MAX_CHAT_CHARS)?;
    if text.expose().contains(|char: char| char.is_control() && char != '\n') {
        return Err(ProtocolError::BadField { field: "text", rule: "must not hold control characters" });
    }
    Ok(())
}

fn at_most(field: &'static str, found: usize, limit: usize) -> Result<(), ProtocolError> {
    if found <= limit { Ok(()) } else { Err(ProtocolError::TooLarge { field, limit }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::{ConsultationId, MessageId, SessionId},
        message::tests::{one_of_each, uuid},
        words::{Outcome, ReferralType},
    };

    #[test]
    fn every_ordinary_message_is_within_the_bounds() {
        for message in one_of_each() {
            assert_eq!(message.check(), Ok(()), "{}", message.name());
        }
    }

    #[test]
    fn a_chat_line_is_neither_blank_nor_longer_than_two_thousand_characters() {
        let line = |text: String| ClientMessage::SendChat {
            session: SessionId::new(uuid(1)),
            message: MessageId::new(uuid(2)),
            text: ChatText::new(text),
        };

        assert_eq!(line("工".repeat(MAX_CHAT_CHARS)).check(), Ok(()));
        let too_large = ProtocolError::TooLarge { field: "text", limit: MAX_CHAT_CHARS };
        assert_eq!(line("工".repeat(MAX_CHAT_CHARS + 1)).check(), Err(too_large));
        assert!(line(" \n\t\u{3000}".to_owned()).check().is_err());
    }

    #[test]
    fn what_is_typed_keeps_to_the_bound_of_a_line_and_holds_no_control_characters() {
        let typed = |keep, text: String| {
            ClientMessage::TypeText { session: SessionId::new(uuid(1)), keep, text: ChatText::new(text) }.check()
        };

        assert_eq!(typed(1_999, "工".to_owned()), Ok(()));
        assert_eq!(typed(0, String::new()), Ok(()));
        let too_large = Err(ProtocolError::TooLarge { field: "text", limit: MAX_CHAT_CHARS });
        assert_eq!(typed(2_000, "工".to_owned()), too_large);
        assert_eq!(typed(u32::MAX, String::new()), too_large);
        assert!(typed(0, "a\u{8}".to_owned()).is_err(), "characters are taken back by keeping fewer");
    }

    #[test]
    fn stars_outcome_version_and_fall_back_keep_to_their_lists() {
        let consultation = ConsultationId::new(uuid(1));
        let session = SessionId::new(uuid(2));
        let rate = |stars| ClientMessage::Rate { consultation, stars }.check();
        assert!(rate(0).is_err() && rate(6).is_err() && rate(1).is_ok() && rate(5).is_ok());
        let missing = ClientMessage::RecordOutcome {
            session,
            outcome: Outcome::Missing,
            legal_aid_prompted: false,
            referral_type: None,
        };
        assert!(missing.check().is_err());
        let outcome = |outcome, referral_type| {
            ClientMessage::RecordOutcome { session, outcome, legal_aid_prompted: true, referral_type }.check()
        };
        assert!(outcome(Outcome::AdviceGiven, Some(ReferralType::Mediation)).is_ok());
        assert!(outcome(Outcome::ReferNotary, Some(ReferralType::Mediation)).is_err());
        assert!(ClientMessage::FallBack { session, channel: Channel::Video }.check().is_err());
        assert!(ClientMessage::ProposeChannel { session, channel: Channel::Text }.check().is_err());
        let old = ClientMessage::Hello { version: 0, ticket: Token::new("t"), device: crate::words::DeviceClass::Web };
        assert_eq!(old.check(), Err(ProtocolError::UnsupportedVersion));
    }

    #[test]
    fn an_offer_or_ticket_that_is_too_long_names_its_field() {
        let offer = ClientMessage::JoinMedia { attempt: 1, offer: Sdp::new("v".repeat(MAX_SDP_BYTES + 1)) };
        assert_eq!(offer.check(), Err(ProtocolError::TooLarge { field: "offer", limit: MAX_SDP_BYTES }));
    }
}
