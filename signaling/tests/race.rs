//! A thousand lawyers accept at once: one has the matter, everybody else is told so and is free again.
mod common;

use std::{collections::BTreeSet, time::Duration};

use common::{County, Heard, uuid};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use yunfa_signaling::{
    consultation::{Input, Party},
    duty::{self, MAX_RINGS, Tab, Wish},
    error::SessionError,
    ids::{ConsultationId, LawyerId, OfferId, RequestId, SessionId},
    message::{ClientMessage, ServerMessage},
    milestone::Event,
    private::PersonName,
    words::{Channel, OfferClosed, PracticeArea, Presence, RouteMode, Tier},
};

const LAWYERS: u128 = 1000;

fn lawyer(n: u128) -> LawyerId {
    LawyerId::new(uuid(2000 + n))
}

/// A county whose every lawyer is rung for one matter: as many as the book rings at once by the book, the others by hand.
fn all_rung(matter: ConsultationId) -> (County, Vec<(LawyerId, OfferId)>) {
    let mut county = County::new();
    for n in 0..LAWYERS {
        let profile = common::local("律师", [PracticeArea::Labour].into());
        county.open_desk(lawyer(n), Tab(1), profile);
        let wish = Wish::OnDuty;
        county.at_duty(duty::Input::PresenceSet { lawyer: lawyer(n), wish }).expect("on duty");
    }
    county.ask(matter, PracticeArea::Labour, Channel::Voice, "永安镇", None);
    // The five who ring first, then all.
    county.pass(Duration::from_secs(5));
    let rung = county.matters[&matter].view().ringing;
    assert_eq!(rung as usize, MAX_RINGS, "the book rings no more at once");
    for n in 0..LAWYERS {
        if county.matters[&matter].offer_view(lawyer(n)).is_none() {
            let (offer, name) = (OfferId::new(county.mint()), PersonName::new("律师"));
            let (mode, tier) = (RouteMode::Broadcast, Tier::LocalArea);
            county.feed(matter, Input::Ring { search: 1, offer, lawyer: lawyer(n), name, mode, tier }).expect("rung");
        }
    }
    let offers = (0..LAWYERS).map(|n| {
        let view = county.matters[&matter].offer_view(lawyer(n)).expect("everybody is rung");
        (lawyer(n), view.id)
    });
    let offers = offers.collect();
    (county, offers)
}

#[test]
fn of_a_thousand_who_accept_at_once_one_wins_whatever_the_order() {
    let matter = ConsultationId::new(uuid(1));
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config { cases: 8, failure_persistence: None, ..Config::default() }, rng);
    let orders = prop::collection::vec(any::<Index>(), LAWYERS as usize);

    runner
        .run(&orders, |order| {
            let (mut county, mut offers) = all_rung(matter);
            for (at, with) in order.iter().enumerate() {
                offers.swap(at, with.index(LAWYERS as usize));
            }
            let before = county.heard.len();

            let mut answers = Vec::new();
            for (n, (lawyer, offer)) in offers.iter().enumerate() {
                let request = RequestId::new(uuid(500_000 + n as u128));
                let message = ClientMessage::AcceptOffer { offer: *offer };
                answers.push(county.say(matter, Party::Lawyer(*lawyer), request, message));
            }

            let first = offers[0].0;
            prop_assert_eq!(answers.remove(0), Ok(()), "the first wins");
            prop_assert_eq!(answers.len(), 999);
            prop_assert!(
                answers.iter().all(|answer| *answer == Err(SessionError::Taken)),
                "999 are told that it is taken"
            );
            let heard = &county.heard[before..];
            let accepted: Vec<_> = heard.iter().filter_map(accepted).collect();
            prop_assert_eq!(accepted.len(), 1, "one session begins");
            prop_assert_eq!(accepted[0].0, first);
            let told: BTreeSet<_> = heard.iter().filter_map(taken).collect();
            let losers: BTreeSet<_> = offers[1..].iter().map(|(lawyer, _)| *lawyer).collect();
            prop_assert_eq!(told, losers, "every other desk stops ringing");
            prop_assert_eq!(county.matters[&matter].view().ringing, 0);
            for (lawyer, _) in &offers {
                let presence = if *lawyer == first { Presence::Busy } else { Presence::Available };
                prop_assert_eq!(county.duty.presence(*lawyer), presence);
            }
            Ok(())
        })
        .expect("one winner");
}

fn accepted(heard: &Heard) -> Option<(LawyerId, SessionId)> {
    match heard {
        Heard::Event(_, _, Event::Accepted { lawyer, session, .. }) => Some((*lawyer, *session)),
        _ => None,
    }
}

fn taken(heard: &Heard) -> Option<LawyerId> {
    match heard {
        Heard::Lawyer(lawyer, ServerMessage::OfferClosed { reason: OfferClosed::Taken, .. }) => Some(*lawyer),
        _ => None,
    }
}
