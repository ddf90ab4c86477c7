//! The wire as a client writes it: what is read, what is refused.
use serde_json::json;
use uuid::Uuid;

use super::{ClientFrame, ClientMessage};
use crate::{
    ids::{ConsultationId, InvitationId, LawyerId, LegId, MessageId, OfferId, RequestId, SessionId},
    private::{ChatText, Sdp, Token},
    words::{Channel, DeclineReason, DeviceClass, DeviceState, Outcome, Part, PracticeArea},
};

/// A UUID that a test can tell from others.
pub(crate) fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(0x0192_f3c4_0000_7000_8000_0000_0000_0000 + n)
}

/// One message of each kind, in the order of the enum.
pub(crate) fn one_of_each() -> Vec<ClientMessage> {
    let (consultation, offer, session) = (ConsultationId::new(uuid(1)), OfferId::new(uuid(2)), SessionId::new(uuid(3)));
    vec![
        ClientMessage::Hello { version: 1, ticket: Token::new("ticket"), device: DeviceClass::Mobile },
        ClientMessage::Resume { version: 1, resume_token: Token::new("token"), last_seq: 17, epoch: 2 },
        ClientMessage::Ping {},
        ClientMessage::SetPresence { on_duty: true, on_break: false, on_site: false },
        ClientMessage::RequestConsultation {
            consultation,
            practice_area: PracticeArea::Labour,
            area: "370521001001".parse().expect("twelve digits"),
            channel: Channel::Video,
            lawyer: None,
        },
        ClientMessage::CancelConsultation { consultation },
        ClientMessage::KeepWaiting { consultation },
        ClientMessage::CallMeBack { consultation },
        ClientMessage::AnswerCall { session },
        ClientMessage::OfferDelivered { offer },
        ClientMessage::OfferSeen { offer },
        ClientMessage::AcceptOffer { offer },
        ClientMessage::DeclineOffer { offer, reason: DeclineReason::Busy },
        ClientMessage::TakeOver {},
        ClientMessage::JoinMedia { attempt: 1, offer: Sdp::new("v=0\r\n") },
        ClientMessage::SetDevices { microphone: DeviceState::On, camera: DeviceState::Off, screen: DeviceState::On },
        ClientMessage::FallBack { session, channel: Channel::Text },
        ClientMessage::ProposeChannel { session, channel: Channel::Video },
        ClientMessage::AnswerChannel { session, channel: Channel::Video, accept: true },
        ClientMessage::InviteThird { session, lawyer: LawyerId::new(uuid(5)), part: Part::Interpreter },
        ClientMessage::AnswerInvitation { invitation: InvitationId::new(uuid(6)), accept: true },
        ClientMessage::RemoveThird { session, leg: LegId::new(uuid(6)) },
        ClientMessage::SendChat { session, message: MessageId::new(uuid(4)), text: ChatText::new("你好") },
        ClientMessage::TypeText { session, keep: 2, text: ChatText::new("吗") },
        ClientMessage::ReadChat { session, up_to: 1 },
        ClientMessage::HangUp { session },
        ClientMessage::RecordOutcome {
            session,
            outcome: Outcome::AdviceGiven,
            legal_aid_prompted: true,
            referral_type: None,
        },
        ClientMessage::Rate { consultation, stars: 5 },
    ]
}

#[test]
fn every_message_reads_back_as_itself_with_its_id() {
    for message in one_of_each() {
        let frame = ClientFrame { id: RequestId::new(uuid(9)), message };
        let text = serde_json::to_string(&frame).expect("json");
        assert_eq!(serde_json::from_str::<ClientFrame>(&text).expect("read back"), frame, "{text}");
        assert!(text.contains(&format!("\"type\":\"{}\"", frame.message.name())), "{text}");
    }
}

#[test]
fn a_field_that_is_not_of_the_protocol_is_refused() {
    for message in one_of_each() {
        let frame = ClientFrame { id: RequestId::new(uuid(9)), message };
        let mut value = serde_json::to_value(&frame).expect("json");
        value["stranger"] = json!(1);
        assert!(serde_json::from_value::<ClientFrame>(value).is_err(), "{}", frame.message.name());
    }
}

#[test]
fn a_frame_without_id_or_type_or_with_a_wrong_word_is_refused() {
    let id = uuid(9).hyphenated().to_string();
    let refused = [
        json!({"type": "ping"}),
        json!({"id": id}),
        json!({"id": id, "type": "Ping"}),
        json!({"id": "not a uuid", "type": "ping"}),
        json!({"id": id, "type": "ping", "id2": id}),
        json!({"id": id, "type": "rate", "consultation": id, "stars": 256}),
        json!({"id": id, "type": "rate", "consultation": id, "stars": -1}),
        json!({"id": id, "type": "rate", "consultation": id}),
        json!({"id": id, "type": "setPresence", "on_duty": true, "on_break": false}),
        json!([]),
    ];
    for value in refused {
        assert!(serde_json::from_value::<ClientFrame>(value.clone()).is_err(), "{value}");
    }
    for text in [
        format!("{{\"id\":\"{id}\",\"id\":\"{id}\",\"type\":\"ping\"}}"),
        format!("{{\"id\":\"{id}\",\"type\":\"ping\",\"type\":\"ping\"}}"),
    ] {
        assert!(serde_json::from_str::<ClientFrame>(&text).is_err(), "{text}");
    }
}
