//! The bureau's people: tables, qualifications, invitations, the duty roster, standings; on both engines.
use std::sync::atomic::{AtomicU8, Ordering};

use yunfa_signaling::{
    ids::LawyerId,
    time::Timestamp,
    words::{PracticeArea, Role},
};

use crate::{
    domain::{
        import::people::Entry,
        people::{Qualification, Subject},
        qualification::Refused,
        roster::{OnShift, Shift},
        testing::id,
    },
    storage::{
        Store,
        imports::Import,
        invitations::{Activated, NewInvitation},
        keys::token_hash,
        lawyers::{AccountState, LawyerFilter, LawyerRow, Written},
        qualifications::{Decision, Undecided},
        roster::Planned,
        standing::Standing,
        testing::{NOW, on_both_engines},
    },
};

const FIRM: &str = "firm-qingshi";
const HOUR: i64 = 3_600_000;
const LINES: &str = "姓名,执业证号,人员类别,业务板块,语言,所在区划,顾问村\n\
    江上舟,N-10001,律师,刑事;劳动社保,普通话;吴语,青石镇,青石村;石桥村\n\
    白日依,N-10002,公证员,其他,,,\n\
    黄河入,N-10003,调解员,算命,,,\n";

fn later(ms: i64) -> Timestamp {
    Timestamp(NOW.0 + ms)
}

async fn bring(store: &Store, firm: &str, lines: &str) -> crate::storage::imports::PeopleImported {
    let import = Import { bytes: lines.as_bytes(), actor: "tester", apply: true };
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let mint = || LawyerId::new(id(NEXT.fetch_add(1, Ordering::Relaxed), 33));
    let imported = store.import_people(firm, import, mint, NOW).await;
    imported.expect("the store answers").expect("a table")
}

async fn found(store: &Store, text: &str) -> Vec<LawyerRow> {
    let filter = LawyerFilter { text: Some(text.to_owned()), ..LawyerFilter::default() };
    store.lawyer_rows(&filter, None, 50, NOW).await.expect("asked").items
}

async fn decide(store: &Store, lawyer: LawyerId, to: Qualification) -> Result<(), Undecided> {
    let decision = Decision { to, reason: "评议决定", actor: "tester", role: Role::Dispatcher };
    store.decide(&[lawyer], decision, NOW).await.expect("the store answers").remove(0).outcome
}

async fn entries(store: &Store) -> u64 {
    store.verify_audit().await.expect("the store answers").expect("a whole log").0
}

#[tokio::test]
async fn a_table_is_kept_in_one_piece_and_again_it_changes_nothing() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let store = &fixture.store;
        let before = entries(store).await;

        let first = bring(store, FIRM, LINES).await.report;
        let again = bring(store, FIRM, LINES).await.report;
        let changed = bring(store, FIRM, &LINES.replace("刑事;", "")).await;
        let elsewhere = bring(store, "firm-zhengda", LINES).await.report;

        assert_eq!((first.added, first.refused, first.applied), (2, 1, true));
        assert_eq!((again.added, again.same, again.refused), (0, 2, 1));
        assert_eq!((changed.report.changed, changed.changed.len()), (1, 1));
        assert_eq!((elsewhere.added, elsewhere.refused), (0, 3), "they are of another firm");
        let one = found(store, "江上").await.remove(0);
        assert_eq!(
            (one.qualification, one.practice_areas.as_slice()),
            (Qualification::Applied, &[PracticeArea::Labour][..])
        );
        assert_eq!((one.villages.len(), one.languages.len(), one.version), (2, 2, 2));
        assert_eq!(found(store, "n-10002").await.len(), 1, "by the whole licence");
        assert_eq!(found(store, "%").await.len(), 0, "a per cent sign is a per cent sign");
        assert_eq!(entries(store).await - before, 4, "one entry for each table that was kept");
    })
    .await;
}

#[tokio::test]
async fn two_who_edit_at_once_do_not_overwrite_each_other_and_a_licence_is_one_persons() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let store = &fixture.store;
        bring(store, FIRM, LINES).await;
        let one = found(store, "N-10001").await.remove(0);
        let mut entry = one.entry();
        entry.areas = vec![PracticeArea::Land];

        let change =
            async |version, entry| store.change_lawyer(one.id, version, entry, "tester", NOW).await.expect("asked");
        assert_eq!(change(one.version, &entry).await, Written::Done);
        assert_eq!(change(one.version, &entry).await, Written::Stale);
        let taken = Entry { licence: Some("N-10002".parse().expect("a licence")), ..entry.clone() };
        assert_eq!(change(one.version + 1, &taken).await, Written::LicenceTaken);
        let lawyer = store.lawyer(one.id).await.expect("asked").expect("there");
        assert_eq!((lawyer.practice_areas, lawyer.villages.len()), (vec![PracticeArea::Land], 2));

        let other = found(store, "N-10002").await.remove(0).id;
        assert_eq!(decide(store, other, Qualification::Removed).await, Ok(()));
        assert_eq!(change(one.version + 1, &taken).await, Written::Done, "whoever was removed gives it free");
    })
    .await;
}

#[tokio::test]
async fn a_step_its_reason_and_its_audit_entry_are_kept_together_and_stay() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let store = &fixture.store;
        bring(store, FIRM, LINES).await;
        let one = found(store, "N-10001").await.remove(0).id;
        let before = entries(store).await;

        let refused = decide(store, one, Qualification::Active).await;
        assert!(matches!(refused, Err(Undecided::Refused(Refused::NoSuchStep { .. }))), "{refused:?}");
        assert_eq!(entries(store).await, before, "what was refused is no step");
        for to in [Qualification::Verified, Qualification::Active, Qualification::Suspended] {
            assert_eq!(decide(store, one, to).await, Ok(()));
        }

        assert_eq!(entries(store).await, before + 3);
        let steps = store.qualification_steps(one).await.expect("asked");
        assert_eq!((steps.len(), steps[0].to, steps[0].reason.as_str()), (3, Qualification::Suspended, "评议决定"));
        assert!(!store.lawyer(one).await.expect("asked").expect("there").profile().may_serve);
        assert!(store.serving(NOW).await.expect("asked").iter().all(|row| row.id != one));
        for tampering in ["UPDATE qualification_steps SET reason = 'x'", "DELETE FROM qualification_steps"] {
            assert!(fixture.shell(tampering).await.is_err(), "{tampering}");
        }
        let nobody = LawyerId::new(id(9, 9));
        assert_eq!(decide(store, nobody, Qualification::Removed).await, Err(Undecided::NoSuchLawyer));
    })
    .await;
}

#[tokio::test]
async fn a_code_opens_one_login_however_many_use_it_at_once() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let store = fixture.store.clone();
        bring(&store, FIRM, LINES).await;
        let one = found(&store, "N-10001").await.remove(0).id;
        let code = NewInvitation { hash: token_hash("code"), subject: Subject::Lawyer(one), expires_at: later(HOUR) };
        store.invite(&code, "tester", NOW).await.expect("invited");
        assert_eq!(found(&store, "N-10001").await[0].account, AccountState::Invited);
        assert_eq!(store.invited(&code.hash, later(HOUR)).await.expect("asked"), None, "too old");
        let taken = store.activate(&code.hash, "lawyer1", "hash", NOW).await.expect("asked");
        assert_eq!(taken, Activated::UserTaken, "and the code is still good");

        let tries: Vec<_> = (0..8)
            .map(|n| {
                let (store, hash) = (store.clone(), code.hash);
                tokio::spawn(
                    async move { store.activate(&hash, &format!("jiang{n}"), "hash", NOW).await.expect("asked") },
                )
            })
            .collect();
        let mut opened = 0;
        for attempt in tries {
            opened += u32::from(matches!(attempt.await.expect("runs"), Activated::Done { .. }));
        }

        assert_eq!(opened, 1);
        assert_eq!(found(&store, "N-10001").await[0].account, AccountState::Active);
        let again = NewInvitation { hash: token_hash("again"), ..code };
        store.invite(&again, "tester", NOW).await.expect("invited");
        decide(&store, one, Qualification::Removed).await.expect("removed");
        assert_eq!(store.invited(&again.hash, NOW).await.expect("asked"), None, "whoever was removed is not let in");
        assert_eq!(found(&store, "N-10001").await[0].account, AccountState::Closed);
    })
    .await;
}

#[tokio::test]
async fn shifts_do_not_overlap_and_only_what_was_looked_at_is_a_no_show() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let store = &fixture.store;
        let lawyer = store.lawyers().await.expect("lawyers")[7].id;
        let shift = |from: i64, to: i64| Shift {
            who: OnShift::Lawyer(lawyer),
            area: None,
            from: later(from * HOUR),
            to: later(to * HOUR),
        };
        let plan = async |name: &str, shift: &Shift| store.plan_shift(name, shift, "tester", NOW).await.expect("asked");

        assert_eq!(plan("a", &shift(1, 2)).await, Planned::Done);
        assert_eq!(plan("b", &shift(1, 3)).await, Planned::Overlap);
        assert_eq!(plan("b", &shift(2, 3)).await, Planned::Done);
        let moved = store.move_shift("b", (later(HOUR), later(2 * HOUR)), None, "tester", NOW).await.expect("asked");
        assert_eq!(moved, Planned::Overlap);
        let begun = later(HOUR + 1);
        assert_eq!(store.drop_shift("a", "tester", begun).await.expect("asked"), Planned::Begun);
        assert_eq!(store.drop_shift("z", "tester", begun).await.expect("asked"), Planned::NoSuchShift);

        let running = store.running_shifts(begun).await.expect("asked");
        assert!(running.iter().any(|(id, _)| id == "a") && running.iter().all(|(id, _)| id != "b"));
        for _ in 0..30 {
            store.observe_shifts(&[("a".to_owned(), false), ("b".to_owned(), true)]).await.expect("counted");
        }
        let missed = async |until| store.no_shows(lawyer, NOW, later(until)).await.expect("asked");
        assert_eq!((missed(2 * HOUR - 1).await, missed(4 * HOUR).await), (0, 1), "once it is over");
    })
    .await;
}

#[tokio::test]
async fn a_standing_counts_matters_not_sessions_and_only_services() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let store = &fixture.store;
        let lawyer = store.lawyers().await.expect("lawyers")[0].id;
        for (record, matter, payable) in [("r1", "c1", 1), ("r2", "c1", 1), ("r3", "c2", 1), ("r4", "c3", 0)] {
            let blob = if store.engine() == crate::storage::Engine::Sqlite { "x''" } else { "''" };
            let row = format!(
                "INSERT INTO service_records (id, source, source_kind, consultation, lawyer, schema_version, body, hash, audit_seq, sealed_at, \
                 closed_by, precision_s, two_way_s, outcome, payable, period, local_date) VALUES ('{record}', '{record}', 'SESSION', '{matter}', '{lawyer}', 1, '', {blob}, 0, 0, \
                 'OWNER', 0, 60, 'ADVICE_GIVEN', {payable}, '2026-11', '2026-11-22')"
            );
            fixture.shell(&row).await.expect("a record");
        }
        for (matter, stars) in [("c1", 4), ("c3", 1)] {
            let consultation = format!(
                "INSERT INTO consultations (id, version, state, citizen, practice_area, area, channel, identity_mode, consent_version, \
                 entry_source, device, owner_node, owner_epoch, created_at, changed_at) VALUES ('{matter}', 1, 'CLOSED', 'x', 'LABOUR', '990121000000', 'text', 'GUEST', '', NULL, \
                 'WEB', 'n', 1, 0, 0)"
            );
            fixture.shell(&consultation).await.expect("a matter");
            fixture.shell(&format!("INSERT INTO ratings (consultation, stars, rated_at, lawyer_connected) VALUES ('{matter}', {stars}, 0, 0)")).await.expect("a rating");
        }

        let standings = store.standings().await.expect("asked");

        assert_eq!(standings.into_iter().collect::<Vec<_>>(), [(lawyer, Standing { answered: 2, rated: 1, stars: 4 })]);
        // Given anew they count anew, taken back they count nowhere.
        for (change, rated, stars) in [("amended_stars = 5", 1, 5), ("voided_at = 1", 0, 0)] {
            fixture.shell(&format!("UPDATE ratings SET {change} WHERE consultation = 'c1'")).await.expect("changed");
            let standings = store.standings().await.expect("asked");
            assert_eq!(standings[&lawyer], Standing { answered: 2, rated, stars }, "{change}");
        }
    })
    .await;
}
