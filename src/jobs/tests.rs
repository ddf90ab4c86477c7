//! The reaper after every kind of crash: one record, never too much, and a second run finds nothing.
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use yunfa_signaling::{
    ids::{CitizenId, LawyerId},
    time::Timestamp,
    words::{Channel, EndReason, Outcome, SessionState},
};

use super::{Reaped, seal_stale};
use crate::{
    domain::{
        abandoned::OUTCOME_WAIT_MS,
        calendar::Calendar,
        evidence::Evidence,
        service_record::{ClosedBy, Closing},
        testing::{Script, id},
    },
    storage::{
        Entry, LEASE_MS, Lease, ListFilter, SealOrder, StorageError, Store,
        testing::{Fixture, NOW, on_both_engines},
    },
};

fn later(ms: i64) -> Timestamp {
    Timestamp(NOW.0 + ms)
}

/// A county with a running node.
async fn running(fixture: Fixture) -> (Fixture, Lease, LawyerId) {
    let fixture = fixture.with_county().await;
    let lease = fixture.store.take_lease("node-1", NOW).await.expect("a lease");
    let lawyer = fixture.store.lawyers().await.expect("lawyers")[0].id;
    (fixture, lease, lawyer)
}

async fn write(store: &Store, lease: &Lease, script: &Script, evidence: Option<Evidence>) {
    let mut entries: Vec<_> = script.events.iter().map(|event| Entry::Event(Box::new(event.clone()))).collect();
    entries.extend(evidence.map(|evidence| Entry::Evidence(Box::new(evidence))));
    store.write_down(lease, &entries, script.now).await.expect("written");
}

/// A video call that has run for `seconds`, with a checkpoint of its first `durable` seconds.
async fn crashed_call(store: &Store, lease: &Lease, lawyer: LawyerId, seconds: i64, durable: u32) -> Script {
    let mut script = Script::new(1, CitizenId::new(id(1, 8)), lawyer, NOW);
    script.opened(Channel::Video).rung().accepted().active();
    script.after(i64::from(durable) * 1000);
    let evidence = script.evidence(durable);
    script.after((seconds - i64::from(durable)) * 1000);
    write(store, lease, &script, Some(evidence)).await;
    script
}

async fn reap(store: &Store, lease: &Lease, now: Timestamp) -> Reaped {
    seal_stale(store, lease, &Calendar::default(), now).await.expect("reaped")
}

#[tokio::test]
async fn a_call_cut_by_a_crash_is_sealed_from_its_last_checkpoint() {
    on_both_engines(|fixture| async move {
        let (fixture, crashed, lawyer) = running(fixture).await;
        let store = &fixture.store;
        let script = crashed_call(store, &crashed, lawyer, 23, 20).await;
        let restarted = store.take_lease("node-1", later(60_000)).await.expect("a lease");

        let first = reap(store, &restarted, later(60_000)).await;
        let second = reap(store, &restarted, later(120_000)).await;

        assert_eq!((first, second), (Reaped { ended: 1, sealed: 1 }, Reaped::default()));
        let sealed = store.sealed(script.session).await.expect("asked").expect("sealed");
        let view = store.record(sealed.record).await.expect("asked").expect("there");
        assert_eq!((view.record.two_way_s, view.record.precision_s), (20, 5));
        assert_eq!((view.record.closed_by, view.record.outcome), (ClosedBy::Reaper, Outcome::Missing));
        assert_eq!((view.record.end_reason, view.record.payable), (Some(EndReason::ServerStopped), false));
        assert_eq!(view.record.service_end, later(20_000), "the last durable second, not the crash and not now");
        let rows = store.sessions(ListFilter::default(), None, 10).await.expect("listed").items;
        assert_eq!((rows.len(), rows[0].state, rows[0].record), (1, SessionState::Sealed, Some(sealed.record)));
        assert_eq!(store.verify_audit().await.expect("read").expect("intact").0, 1);
    })
    .await;
}

#[tokio::test]
async fn a_call_of_a_live_node_is_left_alone() {
    on_both_engines(|fixture| async move {
        let (fixture, owner, lawyer) = running(fixture).await;
        let store = &fixture.store;
        crashed_call(store, &owner, lawyer, 23, 20).await;
        let other = store.take_lease("node-2", later(1000)).await.expect("a lease");

        assert_eq!(reap(store, &owner, later(LEASE_MS * 10)).await, Reaped::default(), "its own");
        store.renew_lease(&owner, later(20_000)).await.expect("renewed");
        assert_eq!(reap(store, &other, later(20_000 + LEASE_MS)).await, Reaped::default(), "another's, just renewed");
    })
    .await;
}

#[tokio::test]
async fn a_node_that_fell_silent_is_fenced_before_its_calls_are_sealed() {
    on_both_engines(|fixture| async move {
        let (fixture, silent, lawyer) = running(fixture).await;
        let store = &fixture.store;
        let mut script = crashed_call(store, &silent, lawyer, 23, 20).await;
        let now = later(LEASE_MS + 1);
        let other = store.take_lease("node-2", now).await.expect("a lease");

        assert_eq!(reap(store, &other, now).await, Reaped { ended: 1, sealed: 1 });

        // It wakes up and goes on where it stood.
        let events = script.events.len();
        script.after(60_000).ended(EndReason::CitizenHungUp).outcome(Outcome::AdviceGiven);
        let rest: Vec<_> = script.events[events..].iter().map(|event| Entry::Event(Box::new(event.clone()))).collect();
        let more = [Entry::Evidence(Box::new(script.evidence(60)))];
        let closing = Closing { by: ClosedBy::Owner, precision_s: 0, at: now };
        let order = SealOrder { session: script.session, closing };
        for refused in [
            store.write_down(&silent, &rest, now).await,
            store.write_down(&silent, &more, now).await,
            store.seal(&silent, order, &Calendar::default()).await.map(drop),
            store.renew_lease(&silent, now).await,
        ] {
            assert!(matches!(refused, Err(StorageError::Fenced { .. })), "{refused:?}");
        }
        assert_eq!(store.sealed(script.session).await.expect("asked").expect("sealed").two_way_s, 20);
        assert_eq!(store.verify_audit().await.expect("read").expect("intact").0, 1);
    })
    .await;
}

#[tokio::test]
async fn two_reapers_at_once_make_one_record() {
    on_both_engines(|fixture| async move {
        let (fixture, crashed, lawyer) = running(fixture).await;
        let store = &fixture.store;
        let script = crashed_call(store, &crashed, lawyer, 23, 20).await;
        let now = later(LEASE_MS + 1);

        let reapers: Vec<_> = ["node-2", "node-3", "node-4"]
            .map(|node| {
                let store = store.clone();
                tokio::spawn(async move {
                    let lease = store.take_lease(node, now).await.expect("a lease");
                    reap(&store, &lease, now).await.sealed
                })
            })
            .into_iter()
            .collect();
        let mut sealed = 0;
        for reaper in reapers {
            sealed += reaper.await.expect("runs");
        }

        assert_eq!(sealed, 1);
        assert_eq!(store.verify_audit().await.expect("read").expect("intact").0, 1);
        assert!(store.sealed(script.session).await.expect("asked").is_some());
    })
    .await;
}

#[tokio::test]
async fn a_crash_between_the_outcome_and_the_seal_loses_nothing() {
    on_both_engines(|fixture| async move {
        let (fixture, crashed, lawyer) = running(fixture).await;
        let store = &fixture.store;
        let mut script = crashed_call(store, &crashed, lawyer, 20, 20).await;
        let mut evidence = script.evidence(20);
        evidence.seq += 1;
        evidence.complete();
        script.ended(EndReason::LawyerHungUp).after(8000).outcome(Outcome::ReferMediation);
        write(store, &crashed, &script, Some(evidence)).await;
        let restarted = store.take_lease("node-1", later(60_000)).await.expect("a lease");

        assert_eq!(reap(store, &restarted, later(60_000)).await, Reaped { ended: 1, sealed: 1 });

        let sealed = store.sealed(script.session).await.expect("asked").expect("sealed");
        let record = store.record(sealed.record).await.expect("asked").expect("there").record;
        assert_eq!((record.outcome, record.payable, record.precision_s), (Outcome::ReferMediation, true, 0));
        assert_eq!((record.two_way_s, record.end_reason), (20, Some(EndReason::LawyerHungUp)));
    })
    .await;
}

#[tokio::test]
async fn an_ended_session_waits_a_day_for_its_outcome_and_is_then_sealed_as_missing() {
    on_both_engines(|fixture| async move {
        let (fixture, crashed, lawyer) = running(fixture).await;
        let store = &fixture.store;
        let mut script = crashed_call(store, &crashed, lawyer, 20, 20).await;
        script.ended(EndReason::CitizenHungUp);
        write(store, &crashed, &script, None).await;
        let restarted = store.take_lease("node-1", later(60_000)).await.expect("a lease");
        let day = script.now.0 + OUTCOME_WAIT_MS;

        assert_eq!(reap(store, &restarted, Timestamp(day - 1)).await, Reaped::default());
        assert_eq!(reap(store, &restarted, Timestamp(day)).await, Reaped { ended: 1, sealed: 1 });

        let sealed = store.sealed(script.session).await.expect("asked").expect("sealed");
        let record = store.record(sealed.record).await.expect("asked").expect("there").record;
        assert_eq!((record.outcome, record.end_reason), (Outcome::Missing, Some(EndReason::CitizenHungUp)));
    })
    .await;
}

#[tokio::test]
async fn matters_that_waited_are_unserved_and_have_no_record() {
    on_both_engines(|fixture| async move {
        let (fixture, crashed, lawyer) = running(fixture).await;
        let store = &fixture.store;
        for number in 1..=150 {
            let mut script = Script::new(number, CitizenId::new(id(number, 8)), lawyer, NOW);
            script.opened(Channel::Voice);
            if number % 2 == 0 {
                script.rung();
            }
            write(store, &crashed, &script, None).await;
        }
        let restarted = store.take_lease("node-1", later(60_000)).await.expect("a lease");

        assert_eq!(reap(store, &restarted, later(60_000)).await, Reaped { ended: 150, sealed: 0 });
        assert_eq!(reap(store, &restarted, later(60_000)).await, Reaped::default());
        assert_eq!(store.verify_audit().await.expect("read").expect("intact").0, 0);
    })
    .await;
}

/// Wherever in a call the node dies, and whatever of its evidence was durable: one record if the call had begun, none if
/// not; never more seconds than were durable; and the log stays whole.
#[tokio::test]
async fn wherever_a_node_dies_there_is_one_record_and_never_too_much() {
    on_both_engines(|fixture| async move {
        let (fixture, _, lawyer) = running(fixture).await;
        let store = &fixture.store;
        let mut runner = TestRunner::new(Config::default());
        let cases = (0_usize..40, 0_u32..30, any::<bool>());
        let mut sealed = 0;
        for number in 1..=60_u8 {
            let (cut, durable, with_outcome) = cases.new_tree(&mut runner).expect("a case").current();
            let node = format!("node-{number}");
            let lease = store.take_lease(&node, NOW).await.expect("a lease");
            let mut script = Script::new(number, CitizenId::new(id(number, 8)), lawyer, NOW);
            script.opened(Channel::Video).rung().accepted().active().after(30_000);
            let evidence = (durable > 0).then(|| script.evidence(durable));
            script.ended(EndReason::CitizenHungUp);
            if with_outcome {
                script.outcome(Outcome::AdviceGiven);
            }
            script.events.truncate(cut.max(1));
            // The thirteenth event makes the session active.
            let began = script.events.len() >= 13;
            write(store, &lease, &script, evidence.filter(|_| began)).await;
            let reaper = store.take_lease(&node, later(60_000)).await.expect("a lease");

            reap(store, &reaper, later(2 * OUTCOME_WAIT_MS)).await;
            reap(store, &reaper, later(2 * OUTCOME_WAIT_MS)).await;

            let record = store.sealed(script.session).await.expect("asked");
            assert_eq!(record.is_some(), began, "{} events of node {number}", script.events.len());
            if let Some(record) = record {
                sealed += 1;
                assert!(record.two_way_s <= durable, "{} > {durable}", record.two_way_s);
            }
            assert_eq!(store.verify_audit().await.expect("read").expect("intact").0, sealed);
        }
    })
    .await;
}
