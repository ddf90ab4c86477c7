//! People, accounts, tokens, codes.
use yunfa_signaling::{
    ids::{CitizenId, LawyerId, StaffId},
    private::PersonName,
    time::Timestamp,
    words::{IdentityMode, PracticeArea, Role},
};

use crate::{
    domain::{people::Subject, testing::id},
    jobs,
    storage::{
        Engine, StorageError, Store, demo,
        keys::token_hash,
        people::{NewCitizen, Totp},
        registry::NewStaff,
        testing::{NOW, on_both_engines},
        tokens::{CodeCheck, Door, LoginSubject, NewToken, SMS_TRIES, TokenKind},
    },
};

const PHONE: &str = "13800138000";

fn later(ms: i64) -> Timestamp {
    Timestamp(NOW.0 + ms)
}

async fn guest(store: &Store, number: u8) -> CitizenId {
    let id = CitizenId::new(id(number, 8));
    let new = NewCitizen {
        id,
        alias: PersonName::new("访客 7"),
        identity_mode: IdentityMode::Guest,
        consent_version: "2026-01".to_owned(),
        entry_source: Some("poster-7".to_owned()),
    };
    store.add_citizen(&new, NOW).await.expect("added");
    id
}

fn token(text: &str, kind: TokenKind, subject: Subject) -> NewToken {
    let hash = token_hash(text);
    NewToken { hash, kind, door: Door::Citizen, subject, beside: None, expires_at: later(30_000) }
}

#[tokio::test]
async fn a_guest_is_kept_and_known_again() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;

        let id = guest(store, 1).await;

        let known = store.citizen(id).await.expect("asked").expect("there");
        assert_eq!((known.alias.expose(), known.identity_mode), ("访客 7", IdentityMode::Guest));
        assert_eq!(known.entry_source.as_deref(), Some("poster-7"));
        assert_eq!(store.citizen(CitizenId::new(crate::domain::testing::id(2, 8))).await.expect("asked"), None);
    })
    .await;
}

#[tokio::test]
async fn the_same_citizen_twice_is_refused() {
    on_both_engines(|fixture| async move {
        let id = guest(&fixture.store, 1).await;
        let again = NewCitizen {
            id,
            alias: PersonName::new("x"),
            identity_mode: IdentityMode::Refused,
            consent_version: String::new(),
            entry_source: None,
        };

        let refused = fixture.store.add_citizen(&again, NOW).await;

        assert!(matches!(refused, Err(StorageError::Duplicate(_))), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn a_phone_number_is_sealed_and_stands_nowhere_in_the_file() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let (one, two) = (guest(store, 1).await, guest(store, 2).await);

        assert!(store.set_phone(one, PHONE).await.expect("kept"));
        assert!(store.set_phone(two, PHONE).await.expect("kept"));

        assert_eq!(store.phone(one).await.expect("opened").as_deref(), Some(PHONE));
        assert_eq!(store.citizen(one).await.expect("asked").expect("there").identity_mode, IdentityMode::Phone);
        let swapped =
            "UPDATE citizens SET phone_sealed = (SELECT phone_sealed FROM citizens z WHERE z.id <> citizens.id)";
        fixture.shell(swapped).await.expect("swapped");
        assert!(matches!(store.phone(one).await, Err(StorageError::Key(_))), "a sealed number belongs to its row");
        if store.engine() == Engine::Sqlite {
            for file in ["yunfa.db", "yunfa.db-wal"] {
                let bytes = std::fs::read(fixture.folder.join(file)).expect("readable");
                assert!(!bytes.windows(PHONE.len()).any(|window| window == PHONE.as_bytes()), "{file}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_demo_county_is_loaded_once_and_covers_every_area_twice() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let store = &fixture.store;

        let again = demo::load(store, |_| panic!("no password is hashed twice"), NOW).await.expect("loads again");

        let lawyers = store.lawyers().await.expect("lawyers");
        assert_eq!((lawyers.len(), again.lawyers.len(), again.staff.len()), (8, 8, 5));
        assert_eq!(lawyers[0].practice_areas, PracticeArea::ALL);
        for area in PracticeArea::ALL {
            assert!(lawyers.iter().filter(|lawyer| lawyer.practice_areas.contains(area)).count() >= 2, "{area}");
        }
        assert_eq!(store.lawyer(lawyers[3].id).await.expect("asked").as_ref(), Some(&lawyers[3]));
        let areas = store.areas().await.expect("areas");
        assert_eq!(areas.len(), 1 + 3 + 9);
        assert!(areas[1..].iter().all(|area| areas.iter().any(|above| Some(&above.code) == area.parent.as_ref())));
    })
    .await;
}

#[tokio::test]
async fn an_account_tells_whose_it_is() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let store = &fixture.store;

        let lawyer = store.account("lawyer1").await.expect("asked").expect("there");
        let supervisor = store.account("supervisor2").await.expect("asked").expect("there");

        assert_eq!((lawyer.subject.role(), lawyer.name.expose()), (Role::Lawyer, "林致远"));
        assert_eq!(
            (supervisor.subject.role(), supervisor.password_hash.as_str()),
            (Role::Supervisor, "hash of demo-supervisor2")
        );
        assert_eq!(store.account_of(lawyer.subject).await.expect("asked").expect("there").user, "lawyer1");
        assert!(store.account("lawyer1' OR '1'='1").await.expect("asked").is_none());
        let Subject::Staff(id, _) = supervisor.subject else { panic!("staff") };
        assert_eq!(store.staff(id).await.expect("asked").expect("there").1, Role::Supervisor);
        assert!(store.set_password(&supervisor.id, "new hash").await.expect("set"));
        assert_eq!(store.account("supervisor2").await.expect("asked").expect("there").password_hash, "new hash");
    })
    .await;
}

#[tokio::test]
async fn a_second_factor_is_offered_confirmed_and_each_step_used_once() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let store = &fixture.store;
        let account = store.account("finance").await.expect("asked").expect("there").id;
        let totp = async || store.account("finance").await.expect("asked").expect("there").totp;

        assert_eq!(totp().await, Totp::Absent);
        assert!(!store.confirm_totp(&account, 100, NOW).await.expect("asked"), "nothing was offered");
        assert!(store.offer_totp(&account, b"first").await.expect("offered"));
        assert!(store.offer_totp(&account, b"second").await.expect("offered again"));
        assert_eq!(totp().await, Totp::Offered(b"second".to_vec()));
        assert!(store.confirm_totp(&account, 100, NOW).await.expect("confirmed"));
        assert_eq!(totp().await, Totp::Confirmed(b"second".to_vec()));

        assert!(!store.offer_totp(&account, b"third").await.expect("asked"), "a confirmed one is not replaced");
        let used = [store.use_totp_step(&account, 100), store.use_totp_step(&account, 99)];
        for used in used {
            assert!(!used.await.expect("asked"), "a code that was seen is not taken again");
        }
        assert!(store.use_totp_step(&account, 101).await.expect("used"));
        assert!(!store.use_totp_step(&account, 101).await.expect("asked"));

        assert!(store.remove_totp(&account).await.expect("removed"));
        assert!(!store.remove_totp(&account).await.expect("asked"), "there is none any more");
        assert_eq!(totp().await, Totp::Absent);
        assert!(store.offer_totp(&account, b"fourth").await.expect("a new one may come"));
    })
    .await;
}

#[tokio::test]
async fn a_token_opens_until_it_expires_or_is_revoked() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let subject = Subject::Citizen(guest(store, 1).await);
        let new = token("secret", TokenKind::Cookie, subject);
        store.add_token(&new, NOW).await.expect("kept");

        let owner = store.token(&new.hash, NOW).await.expect("asked").expect("valid");

        assert_eq!((owner.subject, owner.kind, owner.door), (subject, TokenKind::Cookie, Door::Citizen));
        assert_eq!(store.token(&token_hash("Secret"), NOW).await.expect("asked"), None);
        assert_eq!(store.token(&new.hash, later(30_000)).await.expect("asked"), None);
        assert!(matches!(store.add_token(&new, NOW).await, Err(StorageError::Duplicate(_))));
        assert!(store.revoke_token(&new.hash, NOW).await.expect("revoked"));
        assert!(!store.revoke_token(&new.hash, NOW).await.expect("asked"));
        assert_eq!(store.token(&new.hash, NOW).await.expect("asked"), None);
    })
    .await;
}

#[tokio::test]
async fn a_token_that_is_used_lasts_longer_unless_it_was_revoked() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let new = token("secret", TokenKind::Cookie, Subject::Citizen(guest(store, 1).await));
        store.add_token(&new, NOW).await.expect("kept");

        assert!(store.extend_token(&new.hash, later(90_000)).await.expect("extended"));

        assert!(store.token(&new.hash, later(60_000)).await.expect("asked").is_some());
        store.revoke_token(&new.hash, NOW).await.expect("revoked");
        assert!(!store.extend_token(&new.hash, later(99_000)).await.expect("asked"));
        assert!(!store.extend_token(&token_hash("other"), later(99_000)).await.expect("asked"));
    })
    .await;
}

#[tokio::test]
async fn a_user_name_is_given_once_and_a_refused_one_leaves_nobody_behind() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let store = &fixture.store;
        let new = NewStaff {
            id: StaffId::new(id(1, 30)),
            account: id(1, 31),
            user: "finance".to_owned(),
            name: PersonName::new("另一位"),
            role: Role::Finance,
            firm: None,
            password_hash: "hash".to_owned(),
        };

        let refused = store.add_staff(&new, NOW).await;

        assert!(matches!(refused, Err(StorageError::Duplicate(_))), "{refused:?}");
        assert_eq!(store.staff(new.id).await.expect("asked"), None);
        store.add_staff(&NewStaff { user: "finance2".to_owned(), ..new.clone() }, NOW).await.expect("added");
        assert_eq!(store.staff(new.id).await.expect("asked").expect("there").1, Role::Finance);
    })
    .await;
}

#[tokio::test]
async fn of_many_who_take_a_ticket_one_gets_it() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let subject = Subject::Citizen(guest(store, 1).await);
        let ticket = token("ticket", TokenKind::Ticket, subject);
        store.add_token(&ticket, NOW).await.expect("kept");
        let cookie = token("cookie", TokenKind::Cookie, subject);
        store.add_token(&cookie, NOW).await.expect("kept");

        let takers: Vec<_> = (0..20)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.take_ticket(&ticket.hash, NOW).await.expect("asked").is_some() })
            })
            .collect();
        let mut winners = 0;
        for taker in takers {
            winners += u32::from(taker.await.expect("runs"));
        }

        assert_eq!(winners, 1);
        assert_eq!(store.take_ticket(&cookie.hash, NOW).await.expect("asked"), None, "a cookie is no ticket");
        assert!(store.token(&cookie.hash, NOW).await.expect("asked").is_some(), "and is not used up by trying");
    })
    .await;
}

#[tokio::test]
async fn a_moved_or_closed_account_counts_at_once() {
    on_both_engines(|fixture| async move {
        let fixture = fixture.with_county().await;
        let store = &fixture.store;
        let subject = store.account("dispatcher").await.expect("asked").expect("there").subject;
        let new = token("desk", TokenKind::Cookie, subject);
        store.add_token(&new, NOW).await.expect("kept");

        fixture.shell("UPDATE staff SET role = 'FINANCE' WHERE name = '钱小满'").await.expect("moved");
        let moved = store.token(&new.hash, NOW).await.expect("asked").expect("valid");
        assert!(store.disable_account("dispatcher", NOW).await.expect("closed"));

        assert_eq!(moved.subject.role(), Role::Finance);
        assert_eq!(store.token(&new.hash, NOW).await.expect("asked"), None);
        assert!(store.account("dispatcher").await.expect("asked").expect("there").disabled);
    })
    .await;
}

#[tokio::test]
async fn a_token_of_nobody_opens_nothing() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let ghost = Subject::Staff(StaffId::new(id(9, 9)), Role::Supervisor);
        let new = token("ghost", TokenKind::Bearer, ghost);
        store.add_token(&new, NOW).await.expect("kept");

        assert_eq!(store.token(&new.hash, NOW).await.expect("asked"), None);
    })
    .await;
}

#[tokio::test]
async fn all_tokens_of_somebody_are_revoked_and_nobody_elses() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let (one, two) = (Subject::Lawyer(LawyerId::new(id(1, 9))), Subject::Lawyer(LawyerId::new(id(2, 9))));
        for (text, subject) in [("a", one), ("b", one), ("c", two)] {
            store.add_token(&token(text, TokenKind::Cookie, subject), NOW).await.expect("kept");
        }

        assert_eq!(store.revoke_all(one, NOW).await.expect("revoked"), 2);

        assert!(store.token(&token_hash("a"), NOW).await.expect("asked").is_none());
        assert!(store.token(&token_hash("c"), NOW).await.expect("asked").is_some());
    })
    .await;
}

#[tokio::test]
async fn a_code_has_five_tries_and_is_used_once() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let citizen = guest(store, 1).await;
        let expires = later(300_000);
        let try_code = async |code| store.try_sms_code(citizen, PHONE, code, NOW).await.expect("asked");
        store.put_sms_code(citizen, PHONE, "123456", expires, NOW).await.expect("kept");

        assert_eq!(try_code("000000").await, CodeCheck::Wrong { left: 4 });
        assert_eq!(try_code("123456").await, CodeCheck::Right);
        assert_eq!(try_code("123456").await, CodeCheck::NoCode);

        store.put_sms_code(citizen, PHONE, "654321", expires, NOW).await.expect("kept");
        for left in (0..5).rev() {
            assert_eq!(try_code("000000").await, CodeCheck::Wrong { left });
        }
        assert_eq!(try_code("654321").await, CodeCheck::NoCode, "five wrong ones and the right one is too late");
    })
    .await;
}

#[tokio::test]
async fn a_code_is_for_its_number_its_citizen_and_its_time() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let (citizen, other) = (guest(store, 1).await, guest(store, 2).await);
        store.put_sms_code(citizen, PHONE, "123456", later(300_000), NOW).await.expect("kept");

        for (who, phone, now) in [(citizen, "13900139000", NOW), (other, PHONE, NOW), (citizen, PHONE, later(300_000))]
        {
            assert_eq!(store.try_sms_code(who, phone, "123456", now).await.expect("asked"), CodeCheck::NoCode);
        }
    })
    .await;
}

#[tokio::test]
async fn trying_in_parallel_gives_no_more_tries() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let citizen = guest(store, 1).await;
        store.put_sms_code(citizen, PHONE, "123456", later(300_000), NOW).await.expect("kept");

        let tries: Vec<_> = (0..40)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    store.try_sms_code(citizen, PHONE, &format!("{n:06}"), NOW).await.expect("asked")
                })
            })
            .collect();
        let mut compared = 0;
        for attempt in tries {
            compared += i64::from(attempt.await.expect("runs") != CodeCheck::NoCode);
        }

        assert_eq!(compared, SMS_TRIES);
    })
    .await;
}

#[tokio::test]
async fn failed_logins_are_counted_by_account_and_by_address() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let (account, address) = (LoginSubject::Account("lawyer1"), LoginSubject::Address("lawyer1"));

        for n in 0..3 {
            store.add_login_failure(id(n, 20), account, later(i64::from(n) * 1000)).await.expect("counted");
            store.add_login_failure(id(n, 20), account, later(i64::from(n) * 1000)).await.expect("counted once");
        }
        store.add_login_failure(id(0, 21), address, NOW).await.expect("counted");

        assert_eq!(store.login_failures(account, later(-1)).await.expect("asked"), 3);
        assert_eq!(store.login_failures(account, NOW).await.expect("asked"), 2);
        assert_eq!(store.login_failures(address, later(-1)).await.expect("asked"), 1);
        store.forget_login_failures(account).await.expect("forgotten");
        assert_eq!(store.login_failures(account, later(-1)).await.expect("asked"), 0);
    })
    .await;
}

#[tokio::test]
async fn the_purge_takes_what_expired_a_day_ago_and_nothing_else() {
    on_both_engines(|fixture| async move {
        let store = &fixture.store;
        let citizen = guest(store, 1).await;
        store.add_token(&token("old", TokenKind::Ticket, Subject::Citizen(citizen)), NOW).await.expect("kept");
        store.put_sms_code(citizen, PHONE, "123456", later(30_000), NOW).await.expect("kept");
        store.add_login_failure(id(1, 20), LoginSubject::Account("x"), later(30_000)).await.expect("counted");
        let day = 24 * 3_600_000;

        assert_eq!(jobs::purge(store, later(day + 30_000)).await.expect("purged"), 0);
        assert_eq!(jobs::purge(store, later(day + 30_001)).await.expect("purged"), 3);
        assert_eq!(jobs::purge(store, later(day + 30_001)).await.expect("purged"), 0);
    })
    .await;
}
