//! Random stories of third parties in a session that runs: whoever hears anything was invited, agreed to and is there.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::prelude::*;
use uuid::Uuid;
use yunfa_signaling::{
    consultation::{Consultation, Input, Known, MediaFact, Opening, Party, SessionIds},
    ids::{CitizenId, ConsultationId, InvitationId, LawyerId, LegId, MessageId, OfferId, RequestId, SessionId},
    message::{ClientMessage, ServerMessage},
    milestone::Event,
    output::{Hint, MediaOrder, Output},
    private::{ChatText, PersonName},
    time::{Instant, Now, Timestamp},
    timers::Timers,
    words::{
        Channel, DeviceClass, Grade, IdentityMode, InvitationClosed, LegState, Part, PracticeArea, RouteMode,
        SessionState, Tier,
    },
};

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(0x0192_f3c4_0000_7000_8000_0000_0000_0000 + n)
}

/// The lawyer of the session is the first.
const LAWYERS: usize = 5;

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Invite(usize, usize),
    /// The whole way in, as far as it goes.
    Bring(usize),
    /// Somebody answers the latest invitation, or one of long ago.
    Answer(Option<usize>, bool, bool),
    Remove(Option<usize>, usize),
    Leave(usize),
    Socket(usize, bool),
    Media(usize, bool),
    Say(Option<usize>),
    Channel(Channel),
    Stop,
}

fn step() -> impl Strategy<Value = Step> {
    let who = || prop_oneof![2 => Just(None), 3 => (0..LAWYERS).prop_map(Some)];
    prop_oneof![
        3 => prop_oneof![3 => 0..5u64, 1 => Just(30u64), 1 => Just(60)].prop_map(Step::Wait),
        4 => (prop_oneof![4 => Just(0), 1 => 0..LAWYERS], 0..LAWYERS).prop_map(|(by, whom)| Step::Invite(by, whom)),
        9 => (who(), prop::bool::weighted(0.8), prop::bool::weighted(0.9)).prop_map(|(w, a, n)| Step::Answer(w, a, n)),
        3 => (1..LAWYERS).prop_map(Step::Bring),
        2 => (who(), 0..LAWYERS).prop_map(|(by, whom)| Step::Remove(by, whom)),
        1 => (1..LAWYERS).prop_map(Step::Leave),
        3 => (1..LAWYERS, any::<bool>()).prop_map(|(n, lost)| Step::Socket(n, lost)),
        3 => (1..LAWYERS, prop::bool::weighted(0.7)).prop_map(|(n, up)| Step::Media(n, up)),
        3 => who().prop_map(Step::Say),
        1 => prop_oneof![Just(Channel::Text), Just(Channel::Voice)].prop_map(Step::Channel),
        1 => prop::bool::weighted(0.05).prop_map(|stop| if stop { Step::Stop } else { Step::Wait(1) }),
    ]
}

fn lawyer(n: usize) -> LawyerId {
    LawyerId::new(uuid(2000 + n as u128))
}

fn party(who: Option<usize>) -> Party {
    who.map_or(Party::Citizen, |n| Party::Lawyer(lawyer(n)))
}

struct Story {
    matter: Consultation,
    now: Now,
    minted: u128,
    session: SessionId,
    /// Every invitation, with whom it is for.
    invitations: Vec<(InvitationId, LawyerId)>,
    agreed: BTreeSet<InvitationId>,
    /// Told of an invitation that stands.
    rung: BTreeMap<LawyerId, InvitationId>,
    /// There, with the first line that is theirs to read.
    there: BTreeMap<LawyerId, u32>,
    lines: u32,
    busy: BTreeSet<LawyerId>,
    in_room: BTreeSet<LawyerId>,
    joined: usize,
    most: usize,
    is_over: bool,
}

impl Story {
    /// Two who talk.
    fn begin(channel: Channel) -> Self {
        let now = Now { mono: Instant::START, wall: Timestamp(0) };
        let ids = |n: u128| SessionIds {
            session: SessionId::new(uuid(n)),
            citizen: LegId::new(uuid(n + 1)),
            lawyer: LegId::new(uuid(n + 2)),
        };
        let opening = Opening {
            consultation: ConsultationId::new(uuid(1)),
            citizen: CitizenId::new(uuid(2)),
            alias: PersonName::new("群众"),
            practice_area: PracticeArea::Labour,
            area: "370521001001".parse().expect("twelve digits"),
            locality: "永安镇".to_owned(),
            channel,
            lawyer: None,
            identity_mode: IdentityMode::Guest,
            consent_version: "1".to_owned(),
            entry_source: None,
            device: DeviceClass::Mobile,
            sessions: [ids(10), ids(20), ids(30)],
        };
        let mut story = Self {
            matter: Consultation::open(opening, Timers::default(), now),
            now,
            minted: 5000,
            session: SessionId::new(uuid(10)),
            invitations: vec![],
            agreed: BTreeSet::new(),
            rung: BTreeMap::new(),
            there: BTreeMap::new(),
            lines: 0,
            busy: BTreeSet::new(),
            in_room: BTreeSet::new(),
            joined: 0,
            most: 2,
            is_over: false,
        };
        let (offer, name) = (OfferId::new(uuid(99)), PersonName::new("律师"));
        let (mode, tier) = (RouteMode::Broadcast, Tier::LocalArea);
        story.feed(Input::Ring { search: 1, offer, lawyer: lawyer(0), name, mode, tier }).expect("rung");
        story.say(Some(0), ClientMessage::AcceptOffer { offer }).expect("accepted");
        for side in [None, Some(0)] {
            story.feed(Input::Media { party: party(side), fact: MediaFact::Connected }).expect("a fact");
        }
        assert_eq!(story.matter.session_state(), SessionState::Active);
        story
    }

    fn mint(&mut self) -> u128 {
        self.minted += 1;
        self.minted
    }

    fn say(&mut self, from: Option<usize>, message: ClientMessage) -> Result<(), &'static str> {
        let request = RequestId::new(uuid(self.mint()));
        self.feed(Input::Said { from: party(from), request, message })
    }

    fn feed(&mut self, input: Input) -> Result<(), &'static str> {
        self.matter.handle(Input::Timeout, self.now).expect("a timeout is never refused");
        self.drain();
        let before = (self.matter.version(), self.matter.poll_timeout());
        let result = self.matter.handle(input, self.now).map_err(|error| error.code().as_str());
        let said = self.drain();
        if result.is_err() {
            let after = (self.matter.version(), self.matter.poll_timeout());
            assert_eq!((before, said), (after, 0), "a refused input changes nothing and nobody notices");
        }
        result
    }

    fn step(&mut self, step: &Step) {
        let (session, minted) = (self.session, self.mint());
        // Whatever is refused is refused by a code; what it does when it is not is checked as it comes out.
        let _refused = match *step {
            Step::Wait(seconds) => {
                let until = self.now.mono + Duration::from_secs(seconds);
                while let Some(due) = self.matter.poll_timeout().filter(|due| *due <= until) {
                    self.now = self.now.after(due - self.now.mono);
                    self.feed(Input::Timeout).expect("a timeout is never refused");
                }
                self.now = self.now.after(until - self.now.mono);
                Ok(())
            }
            Step::Invite(by, whom) => {
                let (invitation, whom) = (InvitationId::new(uuid(minted)), lawyer(whom));
                let (from, part, request) = (lawyer(by), Part::Helper, RequestId::new(uuid(self.mint())));
                let name = PersonName::new("某人");
                let asked = self.feed(Input::Invite { from, request, session, invitation, lawyer: whom, name, part });
                if asked.is_ok() {
                    assert!(by == 0 && whom != lawyer(0) && !self.there.contains_key(&whom), "who invites whom");
                }
                asked
            }
            Step::Bring(n) => {
                self.step(&Step::Invite(0, n));
                self.step(&Step::Answer(None, true, true));
                self.step(&Step::Answer(Some(n), true, true));
                Ok(())
            }
            Step::Answer(who, accept, newest) => {
                let chosen = if newest { self.invitations.last() } else { self.invitations.first() };
                let invitation = chosen.map_or(InvitationId::new(uuid(minted)), |(invitation, _)| *invitation);
                self.say(who, ClientMessage::AnswerInvitation { invitation, accept })
            }
            Step::Remove(by, whom) => {
                let seats = self.matter.seats();
                let seat = seats.iter().find(|(seated, _)| *seated == Party::Lawyer(lawyer(whom)));
                let leg = seat.map_or(LegId::new(uuid(minted)), |(_, leg)| *leg);
                let removed = self.say(by, ClientMessage::RemoveThird { session, leg });
                assert!(removed.is_err() || (by.is_none_or(|n| n == 0) && whom != 0), "who removes whom");
                removed
            }
            Step::Leave(n) => self.say(Some(n), ClientMessage::HangUp { session }),
            Step::Socket(n, true) => self.feed(Input::SocketLost { party: party(Some(n)) }),
            Step::Socket(n, false) => self.feed(Input::SocketBack { party: party(Some(n)) }),
            Step::Media(n, up) => {
                let fact = if up { MediaFact::Connected } else { MediaFact::Lost };
                self.feed(Input::Media { party: party(Some(n)), fact })
            }
            Step::Say(who) => {
                let (message, text) = (MessageId::new(uuid(minted)), ChatText::new("好"));
                self.say(who, ClientMessage::SendChat { session, message, text })
            }
            Step::Channel(channel) => self.say(None, ClientMessage::FallBack { session, channel }),
            Step::Stop => self.feed(Input::Stop),
        };
    }

    fn drain(&mut self) -> usize {
        let mut count = 0;
        while let Some(output) = self.matter.poll_output() {
            count += 1;
            match output {
                Output::Milestone(milestone) => self.event(&milestone.event),
                Output::ToLawyer(to, message) if to != lawyer(0) => self.told(to, &message),
                Output::Duty(Hint::Joined { lawyer }) => assert!(self.busy.insert(lawyer), "joined twice"),
                Output::Duty(Hint::Parted { lawyer }) => assert!(self.busy.remove(&lawyer), "parted unseated"),
                Output::Media(MediaOrder::ConnectThird { lawyer, .. }) => {
                    assert!(self.busy.contains(&lawyer), "nobody enters the room without a seat");
                    self.in_room.insert(lawyer);
                }
                Output::Media(MediaOrder::ReleaseThird { lawyer, .. }) => {
                    assert!(self.in_room.remove(&lawyer), "released who was not there");
                }
                _ => {}
            }
        }
        count
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::ThirdInvited { invitation, lawyer, .. } => self.invitations.push((*invitation, *lawyer)),
            Event::ThirdConsented { invitation, .. } => assert!(self.agreed.insert(*invitation), "asked once"),
            Event::ThirdClosed { invitation, lawyer, reason: InvitationClosed::Joined, .. } => {
                assert!(self.agreed.contains(invitation), "nobody comes without the asker's word");
                assert_eq!(self.rung.get(lawyer), Some(invitation), "nobody comes who was not rung");
                self.there.insert(*lawyer, self.lines + 1);
                self.joined += 1;
            }
            Event::ChatSaid { number, .. } => self.lines = *number,
            Event::SessionEnded { .. } => self.is_over = true,
            Event::LegChanged { leg, to: LegState::Left | LegState::Kicked | LegState::TimedOut, .. } => {
                let of = self.invitations.iter().find(|(invitation, _)| invitation.uuid() == leg.uuid());
                let gone = of.map(|(_, lawyer)| *lawyer);
                assert!(gone.is_some() || !self.is_over, "the two leave before the end is told");
            }
            _ => {}
        }
    }

    /// Somebody who is not the lawyer of the session hears something.
    fn told(&mut self, to: LawyerId, message: &ServerMessage) {
        match message {
            ServerMessage::Invited(view) => {
                assert!(self.agreed.contains(&view.id), "nobody is rung before the asker agreed");
                self.rung.insert(to, view.id);
            }
            ServerMessage::InvitationClosed { invitation, .. } => {
                assert_eq!(self.rung.remove(&to), Some(*invitation), "only who was rung hears of it");
            }
            ServerMessage::SessionEnded { outcome_due, .. } => {
                assert!(self.there.remove(&to).is_some() && !outcome_due, "only who was there hears of the end");
            }
            ServerMessage::OfferClosed { .. } | ServerMessage::Offered(_) => {}
            ServerMessage::Chat { number, .. } => {
                assert!(self.there.get(&to).is_some_and(|first| number >= first), "only what was said since");
            }
            other => assert!(self.there.contains_key(&to), "strangers hear nothing: {}", other.name()),
        }
    }

    fn check(&mut self) {
        let seats = self.matter.seats();
        self.most = self.most.max(seats.len());
        assert!(seats.len() <= 4, "a fifth leg");
        let seated: BTreeSet<_> = seats.iter().skip(2).map(|(party, _)| *party).collect();
        assert_eq!(seated, self.there.keys().map(|id| Party::Lawyer(*id)).collect(), "who is there is told so");
        assert_eq!(self.busy, self.there.keys().copied().collect(), "who is there is occupied, and nobody else");
        let is_text = self.matter.view().channel == Channel::Text;
        assert_eq!(self.in_room.len(), if is_text || self.is_over { 0 } else { self.there.len() }, "media");
        for (id, first) in &self.there {
            let lines = self.matter.chat(Party::Lawyer(*id));
            let is_theirs =
                |line: &ServerMessage| matches!(line, ServerMessage::Chat { number, .. } if number >= first);
            assert!(lines.iter().all(is_theirs), "nothing from before");
        }
        assert!(self.is_over || self.matter.session_state() == SessionState::Active, "the two go on");
        assert!(self.matter.poll_timeout().is_some(), "there is a next deadline");
    }
}

#[test]
fn whatever_third_parties_do_the_two_go_on_and_nobody_hears_what_is_not_theirs() {
    let (mut joined, mut most) = (0, 0);
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        proptest::test_runner::Config { cases: 2000, failure_persistence: None, ..Default::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let channels = prop_oneof![Just(Channel::Text), Just(Channel::Voice), Just(Channel::Video)];
    let seen = std::cell::RefCell::new((&mut joined, &mut most));
    runner
        .run(&(channels, prop::collection::vec(step(), 1..80)), |(channel, steps)| {
            let mut story = Story::begin(channel);
            for step in &steps {
                story.step(step);
                story.check();
            }
            let mut seen = seen.borrow_mut();
            *seen.0 += story.joined;
            *seen.1 = story.most.max(*seen.1);
            Ok(())
        })
        .expect("every story keeps the promises");

    assert!(joined > 1000, "only {joined} came");
    assert_eq!(most, 4, "a full session was among them");
}

#[test]
fn who_has_a_conflict_of_interest_is_not_asked_in() {
    let mut story = Story::begin(Channel::Voice);
    let barred = [lawyer(2)].into();
    story.feed(Input::Known(Known { grade: Grade::Normal, barred })).expect("it can always be known");

    story.step(&Step::Invite(0, 2));
    assert_eq!(story.invitations, []);
    story.step(&Step::Invite(0, 1));
    assert_eq!(story.invitations.len(), 1);
}
