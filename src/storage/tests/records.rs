//! Sealing: once, whole, provable; and the lists.
use yunfa_signaling::{
    ids::{CitizenId, LawyerId, RecordId},
    milestone::Event,
    private::PersonName,
    time::Timestamp,
    words::{Channel, EndReason, IdentityMode, Outcome, SessionState},
};

use crate::{
    domain::{
        audit::AuditFault,
        calendar::Calendar,
        service_record::{ClosedBy, Closing},
        testing::{Script, id},
    },
    storage::{
        AuditNote, Engine, Entry, Lease, ListFilter, SealOrder, StorageError, Store,
        people::NewCitizen,
        testing::{Fixture, NOW, on_both_engines},
    },
};

/// A finished call of twenty seconds, written down with its evidence.
async fn call(store: &Store, lease: &Lease, number: u8, lawyer: LawyerId) -> Script {
    let citizen = CitizenId::new(id(number, 8));
    let new = NewCitizen {
        id: citizen,
        alias: PersonName::new("访客"),
        identity_mode: IdentityMode::Guest,
        consent_version: "2026-01".to_owned(),
        entry_source: None,
    };
    store.add_citizen(&new, NOW).await.expect("added");
    let mut script = Script::new(number, citizen, lawyer, Timestamp(NOW.0 + i64::from(number) * 100_000));
    script.opened(Channel::Video).after(2000).rung().after(4000).accepted().after(1000).active().after(20_000);
    let mut evidence = script.evidence(20);
    evidence.complete();
    script.ended(EndReason::CitizenHungUp).after(3000).outcome(Outcome::AdviceGiven);
    let mut entries: Vec<_> = script.events.iter().map(|event| Entry::Event(Box::new(event.clone()))).collect();
    entries.push(Entry::Evidence(Box::new(evidence)));
    store.write_down(lease, &entries, NOW).await.expect("written");
    script
}

fn order(script: &Script) -> SealOrder {
    let closing = Closing { by: ClosedBy::Owner, precision_s: 0, at: Timestamp(script.now.0 + 1000) };
    SealOrder { session: script.session, closing }
}

async fn county(fixture: Fixture) -> (Fixture, Lease, Vec<LawyerId>) {
    let fixture = fixture.with_county().await;
    let lease = fixture.store.take_lease("node-1", NOW).await.expect("a lease");
    let lawyers = fixture.store.lawyers().await.expect("lawyers").iter().map(|lawyer| lawyer.id).collect();
    (fixture, lease, lawyers)
}

async fn count(fixture: &Fixture, table: &str) -> u64 {
    // As many rows as a harmless update touches.
    let column = if table == "audit_head" { "size" } else { "id" };
    fixture.shell(&format!("UPDATE {table} SET {column} = {column}")).await.expect("counted")
}

#[tokio::test]
async fn a_record_is_sealed_with_its_audit_entry_and_its_outbox_row() {
    on_both_engines(|fixture| async move {
        let (fixture, lease, lawyers) = county(fixture).await;
        let store = &fixture.store;
        let script = call(store, &lease, 1, lawyers[0]).await;

        let sealed = store.seal(&lease, order(&script), &Calendar::default()).await.expect("sealed");

        assert_eq!((sealed.session, sealed.two_way_s), (script.session, 20));
        let view = store.record(sealed.record).await.expect("asked").expect("there");
        assert_eq!((view.record.two_way_s, view.record.payable), (20, true));
        assert_eq!(view.record.area_path.county.as_ref().map(|code| code.as_str()), Some("990121000000"));
        assert_eq!(view.record.area_path.village.as_ref().map(|code| code.as_str()), Some("990121101202"));
        assert_eq!(view.lawyer_name.as_deref(), Some("林致远"));
        assert_eq!((view.seal.seq, view.seal.closed_by, view.seal.precision_s), (0, ClosedBy::Owner, 0));
        let (entries, _) = store.verify_audit().await.expect("read").expect("intact");
        assert_eq!((entries, count(&fixture, "outbox").await), (1, 1));
        let row = &store.sessions(ListFilter::default(), None, 10).await.expect("listed").items[0];
        assert_eq!((row.state, row.record, row.two_way_s), (SessionState::Sealed, Some(sealed.record), 20));
        let json = serde_json::to_value(&view).expect("json");
        assert_eq!((&json["twoWayS"], &json["seal"]["closedBy"]), (&20.into(), &"OWNER".into()));
        assert_eq!(json["legs"].as_array().map(Vec::len), Some(2));
    })
    .await;
}

#[tokio::test]
async fn sealing_again_returns_the_first_record_and_writes_nothing() {
    on_both_engines(|fixture| async move {
        let (fixture, lease, lawyers) = county(fixture).await;
        let store = &fixture.store;
        let script = call(store, &lease, 1, lawyers[0]).await;
        let first = store.seal(&lease, order(&script), &Calendar::default()).await.expect("sealed");
        let mut later = order(&script);
        later.closing = Closing { by: ClosedBy::Reaper, precision_s: 5, at: Timestamp(NOW.0 + 9_000_000) };

        let second = store.seal(&lease, later, &Calendar::default()).await.expect("sealed");

        assert_eq!(second, first);
        assert_eq!(
            (store.verify_audit().await.expect("read").expect("intact").0, count(&fixture, "outbox").await),
            (1, 1)
        );
    })
    .await;
}

#[tokio::test]
async fn many_who_seal_at_once_make_one_record() {
    on_both_engines(|fixture| async move {
        let (fixture, lease, lawyers) = county(fixture).await;
        let store = &fixture.store;
        let script = call(store, &lease, 1, lawyers[0]).await;
        let order = order(&script);

        let sealers: Vec<_> = (0..8)
            .map(|_| {
                let (store, lease) = (store.clone(), lease.clone());
                tokio::spawn(
                    async move { store.seal(&lease, order, &Calendar::default()).await.expect("sealed").record },
                )
            })
            .collect();
        let mut records = vec![];
        for sealer in sealers {
            records.push(sealer.await.expect("runs"));
        }

        records.dedup();
        assert_eq!(records.len(), 1);
        assert_eq!(store.verify_audit().await.expect("read").expect("intact").0, 1);
    })
    .await;
}

#[tokio::test]
async fn a_stale_epoch_seals_nothing() {
    on_both_engines(|fixture| async move {
        let (fixture, old, lawyers) = county(fixture).await;
        let store = &fixture.store;
        let script = call(store, &old, 1, lawyers[0]).await;
        store.take_lease("node-1", NOW).await.expect("taken over");

        let refused = store.seal(&old, order(&script), &Calendar::default()).await;

        assert!(matches!(refused, Err(StorageError::Fenced { .. })), "{refused:?}");
        assert_eq!(store.sealed(script.session).await.expect("asked"), None);
        assert_eq!(store.verify_audit().await.expect("read").expect("intact").0, 0);
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_not_over_or_not_there_is_not_sealed() {
    on_both_engines(|fixture| async move {
        let (fixture, lease, lawyers) = county(fixture).await;
        let store = &fixture.store;
        let mut script = Script::new(3, CitizenId::new(id(3, 8)), lawyers[0], NOW);
        script.opened(Channel::Voice).rung().accepted().active();
        let entries: Vec<_> = script.events.iter().map(|event| Entry::Event(Box::new(event.clone()))).collect();
        store.write_down(&lease, &entries, NOW).await.expect("written");

        let running = store.seal(&lease, order(&script), &Calendar::default()).await;
        let unknown = store.seal(&lease, order(&Script::anyone(4, NOW)), &Calendar::default()).await;

        assert!(matches!(running, Err(StorageError::NotSealable(_, "it is not over"))), "{running:?}");
        assert!(matches!(unknown, Err(StorageError::NotSealable(_, "there is no such session"))), "{unknown:?}");
        assert_eq!(store.verify_audit().await.expect("read").expect("intact").0, 0);
    })
    .await;
}

#[tokio::test]
async fn the_database_refuses_to_change_records_and_the_log() {
    on_both_engines(|fixture| async move {
        let (fixture, lease, lawyers) = county(fixture).await;
        let store = &fixture.store;
        let script = call(store, &lease, 1, lawyers[0]).await;
        store.seal(&lease, order(&script), &Calendar::default()).await.expect("sealed");

        for statement in [
            "UPDATE service_records SET two_way_s = 9999",
            "DELETE FROM service_records",
            "UPDATE audit_entries SET at = 0",
            "DELETE FROM audit_entries",
        ] {
            assert!(fixture.shell(statement).await.is_err(), "{statement}");
        }
    })
    .await;
}

#[tokio::test]
async fn somebody_who_takes_the_triggers_away_is_found_out() {
    on_both_engines(|fixture| async move {
        let (fixture, lease, lawyers) = county(fixture).await;
        let store = &fixture.store;
        for number in 1..=3 {
            let script = call(store, &lease, number, lawyers[0]).await;
            store.seal(&lease, order(&script), &Calendar::default()).await.expect("sealed");
        }
        for table in ["audit_entries", "service_records"] {
            let off: &[String] = &match store.engine() {
                Engine::Sqlite => vec![format!("DROP TRIGGER {table}_stay"), format!("DROP TRIGGER {table}_remain")],
                Engine::Postgres => vec![format!("DROP TRIGGER {table}_stay ON {table}")],
            };
            for statement in off {
                fixture.shell(statement).await.expect("a superuser can");
            }
        }
        let verdict = async || store.verify_audit().await.expect("read").map(|(entries, _)| entries);
        assert_eq!(verdict().await, Ok(3));

        let edit = match store.engine() {
            Engine::Sqlite => "UPDATE audit_entries SET body = CAST(REPLACE(CAST(body AS TEXT), 'seal', 'SEAL') AS BLOB) WHERE seq = 1",
            Engine::Postgres => {
                "UPDATE audit_entries SET body = convert_to(replace(convert_from(body, 'UTF8'), 'seal', 'SEAL'), 'UTF8') WHERE seq = 1"
            }
        };
        let undo = edit.replace("'seal', 'SEAL'", "'SEAL', 'seal'");
        fixture.shell(edit).await.expect("edited");
        assert_eq!(verdict().await, Err(AuditFault::Changed(1)));
        fixture.shell(&undo).await.expect("undone");
        assert_eq!(verdict().await, Ok(3));

        fixture.shell("UPDATE audit_entries SET root = leaf WHERE seq = 1").await.expect("edited");
        assert_eq!(verdict().await, Err(AuditFault::Root(1)));
        fixture.shell("DELETE FROM audit_entries WHERE seq = 1").await.expect("deleted");
        assert_eq!(verdict().await, Err(AuditFault::Gap { expected: 1, found: 2 }));
        fixture.shell("DELETE FROM audit_entries WHERE seq = 2").await.expect("deleted");
        assert_eq!(verdict().await, Err(AuditFault::Length { expected: 3, found: 1 }));
    })
    .await;
}

#[tokio::test]
async fn looks_at_records_are_noted_in_the_same_log() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let notes: Vec<_> = (0..20)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    let object = &format!("record {n}");
                    let note =
                        AuditNote { actor: "someone", action: "read", object_kind: "record", object, hash: [0; 32] };
                    store.note(&note, NOW).await.expect("noted");
                })
            })
            .collect();
        for noted in notes {
            noted.await.expect("runs");
        }

        assert_eq!(store.verify_audit().await.expect("read").expect("intact").0, 20);
    })
    .await;
}

#[tokio::test]
async fn lists_are_paged_newest_first_and_a_lawyer_sees_only_own() {
    on_both_engines(|fixture| async move {
        let (fixture, lease, lawyers) = county(fixture).await;
        let store = &fixture.store;
        for number in 1..=7 {
            let script = call(store, &lease, number, lawyers[usize::from(number) % 2]).await;
            store.seal(&lease, order(&script), &Calendar::default()).await.expect("sealed");
        }
        let walk = async |filter: ListFilter| {
            let (mut sessions, mut cursor) = (vec![], None::<String>);
            loop {
                let page = store.sessions(filter, cursor.as_deref(), 2).await.expect("listed");
                assert!(page.items.len() <= 2);
                sessions.extend(page.items.iter().map(|row| row.session));
                match page.next {
                    Some(next) => cursor = Some(next),
                    None => return sessions,
                }
            }
        };

        let all = walk(ListFilter::default()).await;
        let own = walk(ListFilter { lawyer: Some(lawyers[1]) }).await;

        assert_eq!((all.len(), own.len()), (7, 4));
        assert!(own.iter().all(|session| all.contains(session)));
        assert_eq!(all[0], Script::anyone(7, NOW).session);
        let records = store.records(ListFilter { lawyer: Some(lawyers[1]) }, None, 100).await.expect("listed");
        assert!(records.items.len() == 4 && records.items.iter().all(|row| row.lawyer.id == lawyers[1]));
        let nobody = ListFilter { lawyer: Some(LawyerId::new(id(99, 9))) };
        assert_eq!(store.records(nobody, None, 100).await.expect("listed").items.len(), 0);
        assert!(store.record(RecordId::new(id(99, 9))).await.expect("asked").is_none());
    })
    .await;
}

#[tokio::test]
async fn stars_stand_beside_the_record_and_only_the_first_count() {
    on_both_engines(|fixture| async move {
        let (fixture, lease, lawyers) = county(fixture).await;
        let store = &fixture.store;
        let mut script = call(store, &lease, 1, lawyers[0]).await;
        let sealed = store.seal(&lease, order(&script), &Calendar::default()).await.expect("sealed");
        let before = store.record(sealed.record).await.expect("asked").expect("there");
        let told = script.events.len();

        script.say(Event::Rated { stars: 5 }).say(Event::Rated { stars: 1 });
        let ratings: Vec<_> = script.events[told..].iter().map(|event| Entry::Event(Box::new(event.clone()))).collect();
        store.write_down(&lease, &ratings, NOW).await.expect("written");

        let after = store.record(sealed.record).await.expect("asked").expect("there");
        assert_eq!((before.rating, after.rating.map(|rating| u8::from(rating.stars))), (None, Some(5)));
        assert_eq!((before.record, before.seal.hash), (after.record, after.seal.hash));
    })
    .await;
}
