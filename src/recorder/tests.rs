//! The writer: order, durability, a database that stalls, a node that lost its lease, a crash.
use std::{future::Future, path::Path, time::Duration};

use yunfa_signaling::{
    ids::{CitizenId, LawyerId, MessageId},
    milestone::{Event, Milestone},
    private::ChatText,
    time::Timestamp,
    words::{Channel, ConsultationState, EndReason, Outcome, Role},
};

use super::{ChatLine, Recorder, RecorderError};
use crate::{
    clock::Clock,
    domain::{
        calendar::Calendar,
        service_record::ClosedBy,
        testing::{Script, id},
    },
    jobs::{Reaped, seal_stale},
    storage::{
        Engine, StorageError, Store,
        testing::{Fixture, NOW, on_both_engines},
    },
};

async fn start(store: &Store) -> (Recorder, tokio::task::JoinHandle<()>) {
    // Unlinked when the fixture's folder would be: a journal that is not needed stays empty.
    let folder = tempfile::tempdir().expect("a folder");
    start_with(store, &Clock::machine(), &folder.path().join("facts.journal")).await
}

async fn start_with(store: &Store, clock: &Clock, journal: &Path) -> (Recorder, tokio::task::JoinHandle<()>) {
    let lease = store.take_lease("node-1", clock.wall()).await.expect("a lease");
    Recorder::start(store.clone(), lease, clock.clone(), Calendar::default(), journal).expect("the journal opens")
}

/// Lets the time pass that the writer waits for, until what is awaited has come.
async fn passing<T>(clock: &Clock, awaited: impl Future<Output = T>) -> T {
    tokio::pin!(awaited);
    loop {
        tokio::select! {
            biased;
            done = &mut awaited => return done,
            () = tokio::time::sleep(Duration::from_millis(1)) => clock.advance(Duration::from_millis(100)),
        }
    }
}

async fn first_lawyer(store: &Store) -> LawyerId {
    store.lawyers().await.expect("lawyers")[0].id
}

fn call(number: u8, lawyer: LawyerId) -> Script {
    let mut script = Script::new(number, CitizenId::new(id(number, 8)), lawyer, NOW);
    script.opened(Channel::Video).after(2000).rung().after(4000).accepted().active().after(20_000);
    script
}

async fn tell(recorder: &Recorder, events: &[Milestone]) {
    for event in events {
        recorder.append(event.clone()).await;
    }
}

/// A transaction of somebody else's that keeps every writer waiting until it is dropped.
async fn stall(fixture: &Fixture) -> (Store, sqlx::Transaction<'static, sqlx::Any>) {
    let other = fixture.open_again().await;
    let mut tx = other.begin().await.expect("begun");
    if other.engine() == Engine::Postgres {
        sqlx::query("LOCK TABLE nodes IN ACCESS EXCLUSIVE MODE").execute(&mut *tx).await.expect("locked");
    }
    (other, tx)
}

#[tokio::test]
async fn a_whole_call_is_recorded_and_sealed() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let (recorder, writer) = start(&fixture.store).await;
        let mut script = call(1, first_lawyer(&fixture.store).await);
        let mut evidence = script.evidence(20);
        evidence.complete();
        script.ended(EndReason::CitizenHungUp).after(5000).outcome(Outcome::AdviceGiven);
        tell(&recorder, &script.events).await;
        recorder.evidence(evidence).await;
        let line = ChatLine {
            session: script.session,
            message: MessageId::new(id(1, 7)),
            number: 1,
            from: script.asker,
            role: Role::Citizen,
            at: NOW,
            text: ChatText::new("您好"),
        };
        recorder.chat(line).await;

        let sealed = recorder.seal(script.session).await.expect("sealed");
        let again = recorder.seal(script.session).await.expect("sealed");

        assert_eq!((sealed, sealed.two_way_s), (again, 20));
        let view = fixture.store.record(sealed.record).await.expect("asked").expect("there");
        assert_eq!((view.record.closed_by, view.record.precision_s), (ClosedBy::Owner, 0));
        let counts = recorder.counts();
        assert_eq!((counts.events, counts.chat_lines, counts.checkpoints), (script.events.len() as u64, 1, 1));
        assert_eq!((counts.refused, counts.retries, counts.waiting), (0, 0, 0));
        drop(recorder);
        writer.await.expect("the writer ends when nobody can tell it anything");
    })
    .await;
}

#[tokio::test]
async fn everything_told_is_written_before_the_writer_ends() {
    on_both_engines(|fixture| async move {
        let (recorder, writer) = start(&fixture.store).await;
        let scripts: Vec<_> = (1..=40).map(|number| call(number, LawyerId::new(id(number, 9)))).collect();
        for script in &scripts {
            tell(&recorder, &script.events).await;
            recorder.evidence(script.evidence(7)).await;
        }
        drop(recorder);

        writer.await.expect("it ends");

        for script in &scripts {
            assert_eq!(fixture.store.events(script.consultation).await.expect("read"), script.events);
            assert_eq!(fixture.store.evidence(script.session).await.expect("read"), Some(script.evidence(7)));
        }
    })
    .await;
}

#[tokio::test]
async fn a_stalled_database_makes_nobody_wait_and_loses_nothing() {
    on_both_engines(|fixture| async move {
        let (recorder, writer) = start(&fixture.store).await;
        let (other, stalled) = stall(&fixture).await;
        let scripts: Vec<_> = (1..=100).map(|number| call(number, LawyerId::new(id(number, 9)))).collect();

        for script in &scripts {
            tell(&recorder, &script.events).await;
            recorder.evidence(script.evidence(20)).await;
        }
        let settled = tokio::spawn({
            let recorder = recorder.clone();
            async move { recorder.settle().await }
        });
        tokio::task::yield_now().await;
        assert!(!settled.is_finished(), "what is not in the database is not said to be");
        assert!(!fixture.store.is_known(scripts[0].consultation).await.expect("asked"));
        stalled.rollback().await.expect("let go");
        other.close().await;

        settled.await.expect("runs").expect("settled");
        for script in &scripts {
            assert_eq!(fixture.store.events(script.consultation).await.expect("read"), script.events);
        }
        assert_eq!(recorder.counts().refused, 0);
        drop(recorder);
        writer.await.expect("it ends");
    })
    .await;
}

#[tokio::test]
async fn while_the_database_is_away_facts_are_durable_in_the_journal_and_seals_wait() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let (folder, clock) = (tempfile::tempdir().expect("a folder"), Clock::by_hand(NOW));
        let (recorder, writer) = start_with(&fixture.store, &clock, &folder.path().join("facts.journal")).await;
        let mut script = call(1, first_lawyer(&fixture.store).await);
        let (before, mut evidence) = (script.events.len(), script.evidence(20));
        evidence.complete();
        tell(&recorder, &script.events).await;
        recorder.settle().await.expect("in the database");
        let (other, stalled) = stall(&fixture).await;

        script.ended(EndReason::CitizenHungUp).after(5000).outcome(Outcome::AdviceGiven);
        tell(&recorder, &script.events[before..]).await;
        recorder.evidence(evidence).await;
        passing(&clock, recorder.flush()).await.expect("durable");
        let sealing = tokio::spawn({
            let (recorder, session) = (recorder.clone(), script.session);
            async move { recorder.seal(session).await }
        });
        let kept = recorder.counts();
        assert_eq!(kept.journaled, (script.events.len() - before + 1) as u64);
        assert_eq!(fixture.store.events(script.consultation).await.expect("read").len(), before);
        assert!(!sealing.is_finished(), "a record is in the database or it is none");
        stalled.rollback().await.expect("let go");
        other.close().await;

        let sealed = passing(&clock, sealing).await.expect("runs").expect("sealed");

        assert_eq!(sealed.two_way_s, 20);
        assert_eq!(fixture.store.events(script.consultation).await.expect("read")[..before], script.events[..before]);
        assert_eq!(std::fs::metadata(folder.path().join("facts.journal")).expect("there").len(), 0);
        assert_eq!(recorder.counts().refused, 0);
        drop(recorder);
        writer.await.expect("it ends");
    })
    .await;
}

#[tokio::test]
async fn what_a_killed_process_kept_in_its_journal_is_sealed_by_the_next_one() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let (folder, clock) = (tempfile::tempdir().expect("a folder"), Clock::by_hand(NOW));
        let path = folder.path().join("facts.journal");
        let (recorder, writer) = start_with(&fixture.store, &clock, &path).await;
        let (other, stalled) = stall(&fixture).await;
        let script = call(1, first_lawyer(&fixture.store).await);
        tell(&recorder, &script.events).await;
        recorder.evidence(script.evidence(20)).await;
        passing(&clock, recorder.flush()).await.expect("durable");
        writer.abort();
        assert!(writer.await.expect_err("killed").is_cancelled());
        stalled.rollback().await.expect("let go");
        other.close().await;

        let (recorder, _writer) = start_with(&fixture.store, &clock, &path).await;
        passing(&clock, recorder.settle()).await.expect("in the database");
        let now = Timestamp(NOW.0 + 60_000);
        let lease = fixture.store.take_lease("node-1", now).await.expect("a lease");
        let reaped = seal_stale(&fixture.store, &lease, &Calendar::default(), now).await.expect("reaped");

        assert_eq!(reaped, Reaped { ended: 1, sealed: 1 });
        let sealed = fixture.store.sealed(script.session).await.expect("asked").expect("sealed");
        assert_eq!(sealed.two_way_s, 20, "nothing of it was in the database when the process died");
    })
    .await;
}

#[tokio::test]
async fn one_bad_entry_keeps_nobody_else_back_and_its_matter_is_not_sealed() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let lawyer = first_lawyer(&fixture.store).await;
        let (recorder, _writer) = start(&fixture.store).await;
        let (mut good, mut bad) = (call(1, lawyer), call(2, lawyer));
        for script in [&mut good, &mut bad] {
            script.ended(EndReason::CitizenHungUp).outcome(Outcome::AdviceGiven);
        }
        let gap = Milestone { version: bad.events.len() as u64 + 7, ..bad.events[3].clone() };

        tell(&recorder, &bad.events).await;
        recorder.append(gap).await;
        tell(&recorder, &good.events).await;

        assert!(matches!(recorder.seal(bad.session).await, Err(RecorderError::Incomplete)));
        recorder.seal(good.session).await.expect("sealed");
        assert_eq!(fixture.store.events(bad.consultation).await.expect("read"), bad.events, "what is good of it stays");
        assert_eq!(recorder.counts().refused, 1);
    })
    .await;
}

#[tokio::test]
async fn a_session_without_an_outcome_is_not_sealed_by_its_owner() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let (recorder, _writer) = start(&fixture.store).await;
        let mut script = call(1, first_lawyer(&fixture.store).await);
        script.ended(EndReason::CitizenHungUp);
        tell(&recorder, &script.events).await;

        let refused = recorder.seal(script.session).await;

        assert!(
            matches!(refused, Err(RecorderError::Storage(StorageError::NotSealable(_, "the outcome is not in")))),
            "{refused:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_node_that_lost_its_lease_stops_and_says_so() {
    on_both_engines(|fixture| async move {
        let (recorder, writer) = start(&fixture.store).await;
        let script = call(1, LawyerId::new(id(1, 9)));
        fixture.store.take_lease("node-1", NOW).await.expect("taken over");

        tell(&recorder, &script.events).await;

        recorder.fenced().cancelled().await;
        writer.await.expect("it ends");
        assert!(matches!(recorder.seal(script.session).await, Err(RecorderError::Stopped)));
        assert!(matches!(recorder.flush().await, Err(RecorderError::Stopped)));
        assert!(!fixture.store.is_known(script.consultation).await.expect("asked"));
    })
    .await;
}

#[tokio::test]
async fn a_writer_killed_between_checkpoint_and_seal_leaves_exactly_one_record_to_the_reaper() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let store = &fixture.store;
        let (recorder, writer) = start(store).await;
        let mut script = call(1, first_lawyer(store).await);
        tell(&recorder, &script.events).await;
        recorder.evidence(script.evidence(15)).await;
        recorder.flush().await.expect("durable");
        // The last five seconds, the end and the outcome are told, and the process dies before they are written.
        let durable = script.events.len();
        let (other, stalled) = stall(&fixture).await;
        script.ended(EndReason::CitizenHungUp).outcome(Outcome::AdviceGiven);
        tell(&recorder, &script.events[durable..]).await;
        recorder.evidence(script.evidence(20)).await;
        tokio::task::yield_now().await;
        writer.abort();
        assert!(writer.await.expect_err("killed").is_cancelled());
        stalled.rollback().await.expect("let go");
        other.close().await;

        let now = Clock::machine().wall();
        let restarted = store.take_lease("node-1", now).await.expect("a lease");
        let first = seal_stale(store, &restarted, &Calendar::default(), now).await.expect("reaped");
        let second = seal_stale(store, &restarted, &Calendar::default(), now).await.expect("reaped");

        assert_eq!((first, second), (Reaped { ended: 1, sealed: 1 }, Reaped::default()));
        let sealed = store.sealed(script.session).await.expect("asked").expect("sealed");
        assert_eq!(sealed.two_way_s, 15, "what was durable, not what was told");
        assert_eq!(store.verify_audit().await.expect("read").expect("intact").0, 1);
    })
    .await;
}

#[tokio::test]
async fn an_id_that_was_used_before_the_restart_is_known() {
    on_both_engines(|fixture| async move {
        let script = call(1, LawyerId::new(id(1, 9)));
        let (recorder, writer) = start(&fixture.store).await;
        tell(&recorder, &script.events).await;
        drop(recorder);
        writer.await.expect("it ends");

        let (recorder, _writer) = start(&fixture.store).await;

        assert!(recorder.admit(script.consultation).await.expect("asked"));
        assert!(!recorder.admit(call(2, script.lawyer).consultation).await.expect("asked"));
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_went_back_breaks_no_order() {
    on_both_engines(|fixture| async move {
        let (recorder, _writer) = start(&fixture.store).await;
        let mut script = Script::anyone(1, NOW);
        script.opened(Channel::Voice);
        script.now = Timestamp(NOW.0 - 3_600_000);
        script.to(ConsultationState::Cancelled).say(Event::Rated { stars: 3 });

        tell(&recorder, &script.events).await;
        recorder.flush().await.expect("flushed");

        assert_eq!(fixture.store.events(script.consultation).await.expect("read"), script.events);
    })
    .await;
}
