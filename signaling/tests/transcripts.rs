//! Stories in tests/transcripts: each line is played, what follows it indented is what must be heard.
//!
//! `YUNFA_WRITE_TRANSCRIPTS=1 cargo test -p yunfa-signaling --test transcripts` writes down what is heard; read the diff.
mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use common::{County, Heard, uuid};
use yunfa_signaling::{
    consultation::{Again, Consultation, Continuation, Input, Known, MediaFact, Party, SessionIds},
    duty::{self, Tab, Wish},
    error::SessionError,
    ids::{ConsultationId, InvitationId, LawyerId, LegId, MessageId, OfferId, RecordId, RequestId, SessionId},
    message::{ClientMessage, ServerMessage},
    milestone::Event,
    output::MediaOrder,
    private::{ChatText, PersonName},
    profile::Profile,
    timers::Timers,
    words::{Channel, DeviceState, Grade, Pool, PracticeArea, Presence},
};

#[test]
fn every_transcript_plays_as_it_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("a file").path()).collect();
    files.sort();

    let write = std::env::var("YUNFA_WRITE_TRANSCRIPTS").is_ok_and(|value| value == "1");
    let mut count = 0;
    let mut seen = BTreeSet::new();
    for file in files {
        let written = fs::read_to_string(&file).expect("a transcript");
        let mut stage = Stage::new();
        let played = stage.play(&written);
        seen.append(&mut stage.county.played);
        seen.append(&mut heard(&played));
        if write {
            fs::write(&file, &played).expect("the transcript can be written");
        }
        similar(&written, &played, &file, write);
        count += 1;
    }
    assert!(count >= 20, "a transcript for every path, not {count}");
    let wanted = wanted();
    let untold: Vec<_> = wanted.difference(&seen).collect();
    assert!(untold.is_empty(), "no transcript tells of {untold:?}");
    let is_move = |name: &&String| name.contains(" -> ") || name.starts_with("presence ");
    let unknown: Vec<_> = seen.iter().filter(is_move).filter(|name| !wanted.contains(*name)).collect();
    assert!(unknown.is_empty(), "docs/state.md has no {unknown:?}");
}

/// A file of this repository.
fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("the file is there")
}

/// The variants of an enum, from its source.
fn variants(path: &str, name: &str) -> Vec<String> {
    let source = file(path);
    let (_, rest) = source.split_once(&format!("pub enum {name} {{\n")).expect("the enum is there");
    let (body, _) = rest.split_once("\n}\n").expect("it ends");
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let begins = lines.filter(|line| line.starts_with(|letter: char| letter.is_ascii_uppercase()));
    let name =
        |line: &str| line.split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or_default().to_owned();
    begins.map(name).collect()
}

/// `a -> b` for each arrow of a machine's picture in docs/state.md; what comes out of nothing, or goes there, is no move.
fn arrows(machine: &str) -> Vec<String> {
    let page = file("../docs/state.md");
    let (_, rest) = page.split_once(&format!("\n## {machine}\n")).expect("the machine is there");
    let (_, rest) = rest.split_once("```mermaid\n").expect("its picture is there");
    let (picture, _) = rest.split_once("```").expect("the picture ends");
    let arrows = picture.lines().filter_map(|line| line.split_once(" --> "));
    let arrows = arrows.map(|(from, to)| (from.trim(), to.split(':').next().unwrap_or_default().trim()));
    arrows
        .filter(|(from, to)| *from != "[*]" && *to != "[*]")
        .map(|(from, to)| format!("{machine} {from} -> {to}"))
        .collect()
}

/// Everything that a transcript must tell of: whoever adds an input, a hint, an event, a message or a move adds its story.
fn wanted() -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    for (kind, path, name) in [
        ("Input", "src/consultation/input.rs", "Input"),
        ("Hint", "src/output.rs", "Hint"),
        ("duty::Input", "src/duty/mod.rs", "Input"),
    ] {
        wanted.extend(variants(path, name).into_iter().map(|variant| format!("{kind}::{variant}")));
    }
    let camel = |name: String| name[..1].to_lowercase() + &name[1..];
    wanted.extend(variants("src/milestone.rs", "Event").into_iter().map(|name| format!("event {}", camel(name))));
    // What the shell says and hears by itself, and what it tells the duty book in other words.
    let shell = ["hello", "resume", "ping", "setPresence", "takeOver", "joinMedia", "inviteThird"];
    let said = variants("src/message/client.rs", "ClientMessage").into_iter().map(camel);
    wanted.extend(said.filter(|name| !shell.contains(&name.as_str())));
    let shell = [
        "welcome",
        "resumed",
        "pong",
        "done",
        "error",
        "mediaAnswer",
        "slots",
        "mediaLost",
        "question",
        "warned",
        "blocked",
        "draining",
    ];
    let told = ServerMessage::NAMES.iter().filter(|name| !shell.contains(name));
    wanted.extend(told.map(|name| format!("< {name}")));
    wanted.extend(["Consultation", "Offer", "Session", "Leg"].into_iter().flat_map(arrows));
    wanted.extend(Presence::ALL.iter().map(|presence| format!("presence {presence}")));
    wanted
}

/// What a played transcript tells of.
fn heard(played: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut offers: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for line in played.lines().filter_map(|line| line.strip_prefix("    ")) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            [_, "<", "presence", presence, ..] => {
                seen.insert("< presence".to_owned());
                seen.insert(format!("presence {presence}"));
            }
            [_, "<", message, ..] => {
                seen.insert(format!("< {message}"));
            }
            [who, version, event, ref rest @ ..] if version.ends_with(':') => {
                seen.insert(format!("event {event}"));
                match (event, rest) {
                    ("stateChanged", [from, "->", to]) => seen.insert(format!("Consultation {from} -> {to}")),
                    ("sessionChanged", [from, "->", to]) => seen.insert(format!("Session {from} -> {to}")),
                    ("legChanged", [_, from, "->", to]) => seen.insert(format!("Leg {from} -> {to}")),
                    ("offerMade", [lawyer, ..]) => offers.insert((who, lawyer), "PENDING").is_some(),
                    ("offerChanged", [lawyer, to, ..]) => {
                        let from = offers.insert((who, lawyer), to).unwrap_or("PENDING");
                        seen.insert(format!("Offer {from} -> {to}"))
                    }
                    _ => false,
                };
            }
            _ => {}
        }
    }
    seen
}

fn similar(written: &str, played: &str, file: &Path, write: bool) {
    if write || written == played {
        return;
    }
    let line = written.lines().zip(played.lines()).position(|(one, other)| one != other);
    let line = line.unwrap_or_else(|| written.lines().count().min(played.lines().count()));
    let at = |text: &str| text.lines().nth(line).unwrap_or("(nothing more)").to_owned();
    panic!("{} line {}\n  written: {}\n  played:  {}", file.display(), line + 1, at(written), at(played));
}

/// The players of one transcript, by name.
struct Stage {
    county: County,
    citizens: BTreeMap<String, ConsultationId>,
    lawyers: BTreeMap<String, LawyerId>,
    offers: BTreeMap<LawyerId, (ConsultationId, OfferId)>,
    /// The latest session of a matter.
    sessions: BTreeMap<ConsultationId, SessionId>,
    /// Which matter a lawyer is in.
    served: BTreeMap<LawyerId, ConsultationId>,
    /// The latest invitation of a matter.
    invitations: BTreeMap<ConsultationId, InvitationId>,
    requests: u128,
    shown: usize,
}

impl Stage {
    fn new() -> Self {
        Self {
            county: County::new(),
            citizens: BTreeMap::new(),
            lawyers: BTreeMap::new(),
            offers: BTreeMap::new(),
            sessions: BTreeMap::new(),
            served: BTreeMap::new(),
            invitations: BTreeMap::new(),
            requests: 0,
            shown: 0,
        }
    }

    fn play(&mut self, transcript: &str) -> String {
        let mut played = String::new();
        for line in transcript.lines().filter(|line| !line.starts_with("    ")) {
            played.push_str(line);
            played.push('\n');
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Err(error) = self.line(line) {
                played.push_str(&format!("    ! {}\n", error.code().as_str()));
            }
            while self.shown < self.county.heard.len() {
                let heard = self.county.heard[self.shown].clone();
                self.shown += 1;
                self.learn(&heard);
                played.push_str(&format!("    {}\n", self.told(&heard)));
            }
        }
        played
    }

    /// One line: `+20s who does what`.
    fn line(&mut self, line: &str) -> Result<(), SessionError> {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        if let Some(time) = words[0].strip_prefix('+') {
            self.county.pass(duration(time));
            let passed: Vec<_> = self.county.heard[self.shown..].to_vec();
            passed.iter().for_each(|heard| self.learn(heard));
            words.remove(0);
        }
        let request = match words.iter().position(|word| word.starts_with('#')) {
            Some(at) => uuid(900_000 + words.remove(at)[1..].parse::<u128>().expect("a number")),
            None => {
                self.requests += 1;
                uuid(800_000 + self.requests)
            }
        };
        match words.split_first() {
            None => Ok(()),
            Some((who, what)) => self.act(who, what, RequestId::new(request)),
        }
    }

    fn act(&mut self, who: &str, what: &[&str], request: RequestId) -> Result<(), SessionError> {
        match what {
            ["wants", least, "of", pool] => {
                let key = (pool.parse().expect("a pool"), None);
                let minimums = [(key, least.parse().expect("a number"))].into();
                return self.county.at_duty(duty::Input::FloorsSet { minimums, alarms: BTreeMap::new() });
            }
            ["comes", "back", "after", services, rated @ ("rated" | "unrated")] => {
                let (matter, rated) = (ConsultationId::new(uuid(2999)), *rated == "rated");
                let (services, grade) = (services.parse().expect("a number"), Grade::Sensitive);
                self.county.goes_on = Some(Continuation { matter, services, rated, grade });
                return Ok(());
            }
            ["opens", "a", kind @ ("desk" | "national" | "adviser's"), areas @ ..] => {
                let next = 2000 + self.lawyers.len() as u128;
                let lawyer = *self.lawyers.entry(who.to_owned()).or_insert(LawyerId::new(uuid(next)));
                let areas = areas.iter().filter(|word| **word != "desk");
                let known = common::local(who, areas.map(|area| area.parse().expect("an area")).collect());
                let profile = match *kind {
                    "national" => Profile { pool: Pool::National, ..known },
                    "adviser's" => Profile { villages: vec![common::village()], ..known },
                    _ => known,
                };
                self.county.open_desk(lawyer, Tab(1), profile);
                return Ok(());
            }
            ["asks", area, channel, lawyer @ ..] if !matches!(*area, "again" | "for") => {
                let next = 3000 + self.citizens.len() as u128;
                let id = *self.citizens.entry(who.to_owned()).or_insert(ConsultationId::new(uuid(next)));
                let (area, channel) = (area.parse().expect("an area"), channel.parse().expect("a channel"));
                let lawyer = match lawyer {
                    ["of", name] => Some(self.lawyers[*name]),
                    _ => None,
                };
                self.county.ask(id, area, channel, "永安镇", lawyer);
                return Ok(());
            }
            _ => {}
        }
        match (self.lawyers.get(who).copied(), self.citizens.get(who).copied()) {
            (Some(lawyer), _) => self.lawyer(lawyer, who, what, request),
            (None, Some(id)) => self.party(id, Party::Citizen, what, request),
            (None, None) => panic!("nobody is called {who}"),
        }
    }

    fn lawyer(&mut self, lawyer: LawyerId, who: &str, what: &[&str], request: RequestId) -> Result<(), SessionError> {
        let presence = |wish| duty::Input::PresenceSet { lawyer, wish };
        let offered = self.offers.get(&lawyer).copied();
        let offer = |message: fn(OfferId) -> ClientMessage| {
            let (id, offer) = offered.expect("the desk was rung before");
            (id, message(offer))
        };
        let (id, message) = match what {
            ["goes", "on", "duty"] => return self.county.at_duty(presence(Wish::OnDuty)),
            ["takes", "a", "break"] => return self.county.at_duty(presence(Wish::Break)),
            ["goes", "off", "duty"] => return self.county.at_duty(presence(Wish::OffDuty)),
            ["goes", "on", "site"] => return self.county.at_duty(presence(Wish::OnSite)),
            ["opens", "another", "tab"] => {
                self.county.open_desk(lawyer, Tab(2), common::local(who, "LABOUR".parse().into_iter().collect()));
                return Ok(());
            }
            ["closes", "tab", tab] => {
                let tab = Tab(tab.parse().expect("a number"));
                self.county.tabs.remove(&(lawyer, tab));
                return self.county.at_duty(duty::Input::DeskClosed { lawyer, tab });
            }
            [what @ ("is-suspended" | "is-reinstated"), areas @ ..] => {
                let areas = areas.iter().map(|area| area.parse().expect("an area")).collect();
                let profile = Profile { may_serve: *what == "is-reinstated", ..common::local(who, areas) };
                return self.county.at_duty(duty::Input::ProfileChanged { lawyer, profile });
            }
            ["falls", "silent"] => {
                self.county.tabs.retain(|(whose, _)| *whose != lawyer);
                return Ok(());
            }
            ["invites", name, "as", part] => {
                let (id, invited) = (self.served[&lawyer], self.lawyers[*name]);
                let (session, part) = (self.sessions[&id], part.parse().expect("a part"));
                let name = self.county.duty.may_join(invited)?;
                let invitation = InvitationId::new(self.county.mint());
                self.served.entry(invited).or_insert(id);
                let invite = Input::Invite { from: lawyer, request, session, invitation, lawyer: invited, name, part };
                self.county.feed(id, invite)?;
                self.invitations.insert(id, invitation);
                return Ok(());
            }
            ["transport", "up"] if !self.served.contains_key(&lawyer) => {
                self.county.desks_up.insert(lawyer);
                return Ok(());
            }
            ["shows", "the", "offer"] => offer(|offer| ClientMessage::OfferDelivered { offer }),
            ["sees", "the", "offer"] => offer(|offer| ClientMessage::OfferSeen { offer }),
            ["accepts"] => offer(|offer| ClientMessage::AcceptOffer { offer }),
            ["declines", reason] => {
                let (id, offer) = offered.expect("the desk was rung before");
                (id, ClientMessage::DeclineOffer { offer, reason: reason.parse().expect("a reason") })
            }
            _ => {
                let id = *self.served.get(&lawyer).or(offered.as_ref().map(|(id, _)| id)).expect("a matter");
                return self.party(id, Party::Lawyer(lawyer), what, request);
            }
        };
        self.county.say(id, Party::Lawyer(lawyer), request, message)
    }

    fn party(
        &mut self,
        id: ConsultationId,
        party: Party,
        what: &[&str],
        request: RequestId,
    ) -> Result<(), SessionError> {
        let session = self.sessions.get(&id).copied().unwrap_or(SessionId::new(uuid(1)));
        let message = match what {
            ["loses", "the", "socket"] => return self.county.feed(id, Input::SocketLost { party }),
            ["is", "back"] => return self.county.feed(id, Input::SocketBack { party }),
            ["transport", fact] => {
                let fact = match *fact {
                    "up" => MediaFact::Connected,
                    "silent" => MediaFact::Interrupted,
                    "resumed" => MediaFact::Resumed,
                    "lost" => MediaFact::Lost,
                    other => panic!("no transport is {other}"),
                };
                if fact == MediaFact::Connected {
                    self.county.up.insert((id, party));
                }
                return self.county.feed(id, Input::Media { party, fact });
            }
            ["counts", seconds] => {
                let seconds = seconds.parse().expect("a number");
                return self.county.feed(id, Input::TwoWay { session, seconds });
            }
            ["is", "taken", "up", "again"] => {
                // The process that held it has ended; this one has nothing but its events.
                let (history, timers, now) = (self.county.history[&id].clone(), Timers::default(), self.county.now);
                let ids = |n: u128| SessionIds {
                    session: SessionId::new(uuid(6000 + n)),
                    citizen: LegId::new(uuid(6100 + n)),
                    lawyer: LegId::new(uuid(6200 + n)),
                };
                let (alias, locality) = (PersonName::new("群众"), "永安镇".to_owned());
                let again = Again { alias, locality, sessions: [ids(0), ids(1), ids(2)] };
                let over = Consultation::resume(&history, timers, now);
                let matter = over.or_else(|| Consultation::resume_on_hold(&history, again, timers, now));
                self.county.matters.insert(id, matter.expect("its session is over, or its asker is to be called back"));
                return self.county.feed(id, Input::Timeout);
            }
            ["fails"] => {
                // Its task is gone; the shell finds nobody there.
                self.county.matters.remove(&id);
                return self.county.at_duty(duty::Input::ConsultationGone { consultation: id });
            }
            ["is", "sealed"] => {
                return self.county.feed(id, Input::Sealed { session, record: RecordId::new(uuid(77)) });
            }
            ["is", "ended", "by", "a", "supervisor"] => {
                return self.county.feed(id, Input::SupervisorEnds { session });
            }
            ["is", "known", "as", grade, "without", lawyers @ ..] => {
                let barred = lawyers.iter().map(|name| self.lawyers[*name]).collect();
                let grade = grade.parse().expect("a grade");
                return self.county.feed(id, Input::Known(Known { grade, barred }));
            }
            ["is", "blocked"] => return self.county.feed(id, Input::AskerBlocked),
            ["is", "stopped"] => return self.county.feed(id, Input::Stop),
            ["asks", "again"] => asks_again(id),
            ["asks", "for", "another"] => asks_again(ConsultationId::new(uuid(3999))),
            ["keeps", "waiting"] => ClientMessage::KeepWaiting { consultation: id },
            ["wants", "to", "be", "called", "back"] => ClientMessage::CallMeBack { consultation: id },
            ["answers"] => ClientMessage::AnswerCall { session },
            ["cancels"] => ClientMessage::CancelConsultation { consultation: id },
            ["hangs", "up"] => ClientMessage::HangUp { session },
            ["proposes", channel] => {
                ClientMessage::ProposeChannel { session, channel: channel.parse().expect("a channel") }
            }
            [what @ ("agrees-to" | "refuses"), channel] => {
                let (channel, accept) = (channel.parse().expect("a channel"), *what == "agrees-to");
                ClientMessage::AnswerChannel { session, channel, accept }
            }
            ["falls", "back", channel] => {
                ClientMessage::FallBack { session, channel: channel.parse().expect("a channel") }
            }
            ["says", line, text @ ..] => ClientMessage::SendChat {
                session,
                message: MessageId::new(uuid(5000 + line.parse::<u128>().expect("a number"))),
                text: ChatText::new(text.join(" ")),
            },
            ["types", keep, text @ ..] => ClientMessage::TypeText {
                session,
                keep: keep.parse().expect("a number"),
                text: ChatText::new(text.join(" ")),
            },
            [what @ ("comes" | "refuses" | "welcomes")]
            | [what @ ("comes" | "refuses" | "welcomes"), "the", "invitation" | "third"] => {
                let invitation = self.invitations[&id];
                ClientMessage::AnswerInvitation { invitation, accept: *what != "refuses" }
            }
            ["removes", "the", "third"] => {
                ClientMessage::RemoveThird { session, leg: LegId::new(self.invitations[&id].uuid()) }
            }
            ["reads", up_to] => ClientMessage::ReadChat { session, up_to: up_to.parse().expect("a number") },
            ["devices", microphone, camera, screen @ ..] => {
                let state = |text: &str| text.parse::<DeviceState>().expect("a device state");
                let screen = screen.first().map_or(DeviceState::Absent, |screen| state(screen));
                ClientMessage::SetDevices { microphone: state(microphone), camera: state(camera), screen }
            }
            ["writes", outcome] => ClientMessage::RecordOutcome {
                session,
                outcome: outcome.parse().expect("an outcome"),
                legal_aid_prompted: false,
                referral_type: None,
            },
            ["rates", stars] => ClientMessage::Rate { consultation: id, stars: stars.parse().expect("a number") },
            other => panic!("nobody can do {other:?}"),
        };
        self.county.say(id, party, request, message)
    }

    /// Remembers offers and sessions as pages would.
    fn learn(&mut self, heard: &Heard) {
        match heard {
            Heard::Lawyer(lawyer, ServerMessage::Offered(offer)) => {
                let rung = |id: &&ConsultationId| {
                    self.county.matters[id].offer_view(*lawyer).is_some_and(|view| view.id == offer.id)
                };
                if let Some(id) = self.citizens.values().find(rung) {
                    self.offers.insert(*lawyer, (*id, offer.id));
                }
            }
            Heard::Lawyer(lawyer, ServerMessage::Invited(view)) => {
                let of = self.invitations.iter().find(|(_, invitation)| **invitation == view.id);
                self.served.extend(of.map(|(id, _)| (*lawyer, *id)));
            }
            Heard::Lawyer(lawyer, ServerMessage::Session(view)) => {
                self.served.insert(*lawyer, view.consultation);
                self.sessions.insert(view.consultation, view.id);
            }
            _ => {}
        }
    }

    fn citizen_name(&self, id: ConsultationId) -> &str {
        self.citizens.iter().find(|(_, known)| **known == id).map_or("?", |(name, _)| name)
    }

    fn lawyer_name(&self, id: LawyerId) -> &str {
        self.lawyers.iter().find(|(_, known)| **known == id).map_or("?", |(name, _)| name)
    }

    fn since(&self, at: yunfa_signaling::time::Timestamp) -> String {
        format!("{}s", at.ms_since(self.county.start.wall) / 1000)
    }

    fn told(&self, heard: &Heard) -> String {
        match heard {
            Heard::Clock(elapsed) => format!("-- {}s", elapsed.as_secs()),
            Heard::Citizen(id, message) => format!("{} < {}", self.citizen_name(*id), self.message(message)),
            Heard::Lawyer(id, message) => format!("{} < {}", self.lawyer_name(*id), self.message(message)),
            Heard::Event(id, version, event) => {
                format!("{} {version}: {}", self.citizen_name(*id), self.event(event))
            }
            Heard::Media(MediaOrder::ConnectLegs { lawyer, .. }) => {
                format!("media: connect {}", self.lawyer_name(*lawyer))
            }
            Heard::Media(MediaOrder::ReleaseLegs { lawyer, asker_waits, .. }) => {
                let asker = if *asker_waits { ", the asker waits on" } else { "" };
                format!("media: release {}{asker}", self.lawyer_name(*lawyer))
            }
            Heard::Floor(key, state) => format!("floor {key:?} {state:?}"),
            Heard::Media(MediaOrder::ConnectThird { lawyer, .. }) => {
                format!("media: connect {} too", self.lawyer_name(*lawyer))
            }
            Heard::Media(MediaOrder::ReleaseThird { lawyer, .. }) => {
                format!("media: release {} only", self.lawyer_name(*lawyer))
            }
            Heard::Call(id) => format!("{} is called, by other ways too", self.citizen_name(*id)),
            Heard::Seal => "recorder: seal".to_owned(),
            Heard::Done(id) => format!("{} is done", self.citizen_name(*id)),
        }
    }

    fn message(&self, message: &ServerMessage) -> String {
        match message {
            ServerMessage::Presence { presence, missed_rings } => format!("presence {presence} missed={missed_rings}"),
            ServerMessage::Consultation(view) => {
                let mode = view.route_mode.map_or(String::new(), |mode| format!(" by {mode}"));
                let until = view.choice_until.map_or(String::new(), |until| format!(" choice={}", self.since(until)));
                format!("consultation {} {}{mode} ringing={}{until}", view.state, view.channel, view.ringing)
            }
            ServerMessage::Queue(view) => {
                let expected = view.expected_s.map_or(String::new(), |seconds| format!(" expected={seconds}s"));
                let until = self.since(view.until);
                format!("queue place={} onDuty={}{expected} until={until}", view.place, view.on_duty)
            }
            ServerMessage::Offered(view) => format!(
                "offered {} {} {} {}{} until={}",
                view.practice_area,
                view.channel,
                view.route_mode,
                view.locality,
                if view.call_back { " call-back" } else { "" },
                self.since(view.expires_at)
            ),
            ServerMessage::OfferClosed { reason, .. } => format!("offerClosed {reason}"),
            ServerMessage::Session(view) => {
                let legs: Vec<String> = view
                    .legs
                    .iter()
                    .map(|leg| {
                        let who = leg.part.map_or(leg.role.as_str(), |part| part.as_str());
                        let shares = if leg.screen == DeviceState::On { " shares" } else { "" };
                        format!("{who} {} mic={} cam={}{shares}", leg.state, leg.microphone, leg.camera)
                    })
                    .collect();
                let seat = view.seat_until.map_or(String::new(), |until| format!(" seat={}", self.since(until)));
                let back = if view.call_back { " call-back" } else { "" };
                let wish = view.proposal.map_or(String::new(), |wish| {
                    let whose = view.legs.iter().find(|leg| leg.leg == wish.by).map_or("?", |leg| leg.role.as_str());
                    let stands = if wish.agreed { "coming" } else { "proposed" };
                    format!(" {} {stands} by {whose} until={}", wish.channel, self.since(wish.until))
                });
                let third = view.invitation.as_ref().map_or(String::new(), |third| {
                    let stands = if third.agreed { "rung" } else { "asked for" };
                    format!(" {} {} {stands} until={}", third.part, third.name.expose(), self.since(third.until))
                });
                format!("session {} {}{back} [{}]{seat}{wish}{third}", view.state, view.channel, legs.join(", "))
            }
            ServerMessage::Invited(view) => {
                let (by, until) = (view.by.expose(), self.since(view.until));
                format!("invited by {by} as {} {} {} until={until}", view.part, view.practice_area, view.channel)
            }
            ServerMessage::InvitationClosed { reason, .. } => format!("invitationClosed {reason}"),
            ServerMessage::Chat { number, text, .. } => format!("chat {number}: {}", text.expose()),
            ServerMessage::Typed { keep, text, .. } => format!("typed {keep} + {:?}", text.expose()),
            ServerMessage::ChatRead { up_to, .. } => format!("chatRead up to {up_to}"),
            ServerMessage::SessionEnded { reason, two_way_s, outcome_due, .. } => {
                format!("sessionEnded {reason} twoWayS={two_way_s} outcomeDue={outcome_due}")
            }
            ServerMessage::RecordSealed { .. } => "recordSealed".to_owned(),
            ServerMessage::Rated { stars, .. } => format!("rated {stars}"),
            ServerMessage::Welcome(_)
            | ServerMessage::Resumed { .. }
            | ServerMessage::Pong {}
            | ServerMessage::Done { .. }
            | ServerMessage::Error { .. }
            | ServerMessage::MediaAnswer { .. }
            | ServerMessage::Slots { .. }
            | ServerMessage::MediaLost {}
            | ServerMessage::Question { .. }
            | ServerMessage::Warned { .. }
            | ServerMessage::Blocked { .. }
            | ServerMessage::Draining {} => panic!("{} is the shell's word", message.name()),
        }
    }

    fn event(&self, event: &Event) -> String {
        let rest = match event {
            Event::Opened { practice_area, channel, .. } => format!("{practice_area} {channel}"),
            Event::Continued { services, rated, grade, .. } => {
                format!("after {services} services, rated {rated}, {grade}")
            }
            Event::StateChanged { from, to } => format!("{from} -> {to}"),
            Event::OfferMade { lawyer, round, rank, mode, tier, .. } => {
                format!("{} round {round} rank {rank} {mode} {tier}", self.lawyer_name(*lawyer))
            }
            Event::Routed { mode } => mode.to_string(),
            Event::OfferSeen { lawyer, latency_ms, .. } => {
                format!("{} after {latency_ms} ms", self.lawyer_name(*lawyer))
            }
            Event::OfferChanged { lawyer, to, latency_ms, reason, .. } => {
                let reason = reason.map_or(String::new(), |reason| format!(" {reason}"));
                format!("{} {to} after {latency_ms} ms{reason}", self.lawyer_name(*lawyer))
            }
            Event::Accepted { lawyer, ring_latency_ms, wait_ms, .. } => {
                format!("{} rang {ring_latency_ms} ms, waited {wait_ms} ms", self.lawyer_name(*lawyer))
            }
            Event::SessionChanged { from, to, .. } => format!("{from} -> {to}"),
            Event::LegChanged { role, from, to, .. } => format!("{role} {from} -> {to}"),
            Event::ChannelChanged { to, .. } => to.to_string(),
            Event::ThirdInvited { lawyer, part, .. } => format!("{} as {part}", self.lawyer_name(*lawyer)),
            Event::ThirdConsented { .. } => String::new(),
            Event::ThirdClosed { lawyer, reason, .. } => format!("{} {reason}", self.lawyer_name(*lawyer)),
            Event::ThirdRemoved { by, .. } => format!("by {by}"),
            Event::ChatSaid { number, role, chars, .. } => format!("{number} by {role}, {chars} chars"),
            Event::TypedLive { role, chars, .. } => format!("by {role}, {chars} chars"),
            Event::SessionEnded { reason, .. } => reason.to_string(),
            Event::OutcomeRecorded { outcome, .. } => outcome.to_string(),
            Event::Rated { stars } => stars.to_string(),
        };
        format!("{} {rest}", event.name()).trim_end().to_owned()
    }
}

fn asks_again(consultation: ConsultationId) -> ClientMessage {
    let (practice_area, channel) = (PracticeArea::Labour, Channel::Text);
    ClientMessage::RequestConsultation { consultation, practice_area, area: common::village(), channel, lawyer: None }
}

fn duration(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.len() - 1);
    let number: u64 = number.parse().expect("a number");
    Duration::from_secs(match unit {
        "s" => number,
        "m" => number * 60,
        "h" => number * 3600,
        other => panic!("no unit is {other}"),
    })
}
