//! Events, what they make of the rows, evidence and chat.
use yunfa_signaling::{
    ids::{InvitationId, LawyerId, MessageId},
    private::ChatText,
    time::Timestamp,
    words::{Channel, EndReason, Outcome, Role, SessionState},
};

use crate::{
    domain::testing::{Script, id},
    storage::{
        ChatLine, Engine, Entry, Lease, ListFilter, StorageError, Store,
        testing::{NOW, on_both_engines},
    },
};

fn entries(script: &Script) -> Vec<Entry> {
    script.events.iter().map(|event| Entry::Event(Box::new(event.clone()))).collect()
}

async fn lease(store: &Store) -> Lease {
    store.take_lease("node-1", NOW).await.expect("a lease")
}

#[tokio::test]
async fn events_read_back_as_they_were_written() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let lease = lease(store).await;
        let mut script = Script::anyone(1, NOW);
        script.opened(Channel::Video).rung().accepted().active().said(Role::Citizen, 12);
        script.ended(EndReason::CitizenHungUp).outcome(Outcome::AdviceGiven);

        store.write_down(&lease, &entries(&script), NOW).await.expect("written");

        assert_eq!(store.events(script.consultation).await.expect("read"), script.events);
        assert!(store.is_known(script.consultation).await.expect("asked"));
        assert!(!store.is_known(Script::anyone(2, NOW).consultation).await.expect("asked"));
        let page = store.sessions(ListFilter::default(), None, 10).await.expect("listed");
        let row = &page.items[0];
        assert_eq!(
            (row.state, row.channel, row.outcome),
            (SessionState::Ended, Channel::Video, Some(Outcome::AdviceGiven))
        );
        assert_eq!((row.started_at, row.ended_at), (Some(NOW), Some(NOW)));
        assert_eq!(row.lawyer.as_ref().map(|lawyer| lawyer.id), Some(script.lawyer));
    })
    .await;
}

#[tokio::test]
async fn every_step_of_a_third_party_is_one_entry_of_the_audit_log() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let lease = lease(store).await;
        let mut script = Script::anyone(1, NOW);
        script.opened(Channel::Voice).rung().accepted().active();
        script.third(LawyerId::new(id(9, 3)), InvitationId::new(id(9, 8)));

        for _ in 0..2 {
            store.write_down(&lease, &entries(&script), NOW).await.expect("written");
        }

        // Asked for, agreed to, come, made to leave; written twice it is there once.
        let (entries, _) = store.verify_audit().await.expect("read").expect("a whole log");
        assert_eq!(entries, 4);
        assert_eq!(store.events(script.consultation).await.expect("read"), script.events);
    })
    .await;
}

#[tokio::test]
async fn writing_the_same_again_changes_nothing() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let lease = lease(store).await;
        let mut script = Script::anyone(1, NOW);
        script.opened(Channel::Voice).rung().accepted().active();

        for _ in 0..3 {
            store.write_down(&lease, &entries(&script), NOW).await.expect("written");
        }
        script.ended(EndReason::LawyerHungUp);
        store.write_down(&lease, &entries(&script), NOW).await.expect("the whole story again, with its end");

        assert_eq!(store.events(script.consultation).await.expect("read"), script.events);
    })
    .await;
}

#[tokio::test]
async fn a_gap_and_another_event_of_the_same_number_are_refused_whole() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let lease = lease(store).await;
        let mut script = Script::anyone(1, NOW);
        script.opened(Channel::Voice).rung();
        let all = entries(&script);
        store.write_down(&lease, &all[..2], NOW).await.expect("written");

        let gap = store.write_down(&lease, &all[3..], NOW).await;
        let mut other = Script::anyone(1, Timestamp(NOW.0 + 1));
        other.opened(Channel::Voice);
        let conflict = store.write_down(&lease, &entries(&other), NOW).await;

        assert!(matches!(gap, Err(StorageError::OutOfOrder { version: 4, .. })), "{gap:?}");
        assert!(matches!(conflict, Err(StorageError::Conflict { version: 1, .. })), "{conflict:?}");
        assert_eq!(store.events(script.consultation).await.expect("read"), script.events[..2]);
    })
    .await;
}

#[tokio::test]
async fn a_batch_with_one_bad_entry_leaves_no_trace() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let lease = lease(store).await;
        let (mut good, mut bad) = (Script::anyone(1, NOW), Script::anyone(2, NOW));
        good.opened(Channel::Voice);
        bad.opened(Channel::Voice);
        let batch = [entries(&good), entries(&bad)[1..].to_vec()].concat();

        assert!(store.write_down(&lease, &batch, NOW).await.is_err());

        assert!(!store.is_known(good.consultation).await.expect("asked"));
    })
    .await;
}

#[tokio::test]
async fn a_node_whose_lease_was_taken_changes_no_row() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let old = lease(store).await;
        let new = lease(store).await;
        let mut script = Script::anyone(1, NOW);
        script.opened(Channel::Voice);

        let refused = store.write_down(&old, &entries(&script), NOW).await;

        assert!(matches!(refused, Err(StorageError::Fenced { epoch }) if epoch == old.epoch), "{refused:?}");
        assert!(matches!(store.renew_lease(&old, NOW).await, Err(StorageError::Fenced { .. })));
        assert!(!store.is_known(script.consultation).await.expect("asked"));
        assert!(new.epoch > old.epoch);
        store.renew_lease(&new, NOW).await.expect("the new one holds");
        store.write_down(&new, &entries(&script), NOW).await.expect("and writes");
    })
    .await;
}

#[tokio::test]
async fn evidence_never_goes_back() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let lease = lease(store).await;
        let script = Script::anyone(1, NOW);
        let write = async |evidence| {
            store.write_down(&lease, &[Entry::Evidence(Box::new(evidence))], NOW).await.expect("written");
            store.evidence(script.session).await.expect("read").expect("there")
        };
        let (five, ten) = (script.evidence(5), script.evidence(10));
        let mut complete = ten.clone();
        complete.complete();

        assert_eq!(write(ten.clone()).await, ten);
        assert_eq!(write(five).await, ten, "an older one came late");
        assert_eq!(write(complete.clone()).await, complete);
        assert_eq!(write(script.evidence(60)).await, complete, "after the last one there is none");
    })
    .await;
}

#[tokio::test]
async fn chat_is_sealed_kept_once_and_read_in_order() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let lease = lease(store).await;
        let script = Script::anyone(1, NOW);
        let line = |number: u32, text: &str| {
            Entry::Chat(Box::new(ChatLine {
                session: script.session,
                message: MessageId::new(id(u8::try_from(number).expect("few"), 7)),
                number,
                from: script.asker,
                role: Role::Citizen,
                at: NOW,
                text: ChatText::new(text),
            }))
        };

        store.write_down(&lease, &[line(2, "两个月没发工资"), line(1, "您好")], NOW).await.expect("written");
        store.write_down(&lease, &[line(1, "您好")], NOW).await.expect("written again");

        let lines = store.chat(script.session).await.expect("opened");
        assert_eq!(lines.iter().map(|line| line.text.expose()).collect::<Vec<_>>(), ["您好", "两个月没发工资"]);
        if store.engine() == Engine::Sqlite {
            let bytes = std::fs::read(fixture.folder.join("yunfa.db-wal")).expect("readable");
            let secret = "两个月没发工资".as_bytes();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
        fixture.shell("UPDATE chat_lines SET number = number + 10, id = 'x' || id").await.expect("moved");
        assert!(store.chat(script.session).await.is_err(), "a line belongs to its row");
    })
    .await;
}

#[tokio::test]
async fn the_database_itself_refuses_to_change_what_happened() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let lease = lease(store).await;
        let mut script = Script::anyone(1, NOW);
        script.opened(Channel::Voice);
        store.write_down(&lease, &entries(&script), NOW).await.expect("written");

        for statement in ["UPDATE events SET at = 0", "DELETE FROM events"] {
            let refused = fixture.shell(statement).await.expect_err("refused");
            assert!(refused.to_string().contains("never change"), "{refused}");
        }
        assert_eq!(store.events(script.consultation).await.expect("read"), script.events);
    })
    .await;
}
