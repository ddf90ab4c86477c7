//! The demo county: invented places, firms and people, the same on every machine. Loaded only with `--demo`.
use yunfa_signaling::{
    ids::{LawyerId, StaffId},
    private::PersonName,
    time::Timestamp,
    words::{Pool, PracticeArea, Role},
};

use super::{
    StorageError, Store,
    entries::advise,
    registry::{NewFirm, NewLawyer, NewStaff},
};
use crate::domain::{
    people::{Area, AreaLevel, ProviderType, Qualification},
    roster::{OnShift, Shift, in_local, local},
};

/// A code and a name.
type Place = (&'static str, &'static str);

/// The county. `99` is the number of no province.
const COUNTY: Place = ("990121000000", "云川县");
/// Towns with their villages.
const TOWNS: &[(Place, [Place; 3])] = &[
    (("990121101000", "青石镇"), [("990121101201", "青石村"), ("990121101202", "石桥村"), ("990121101203", "东坡村")]),
    (("990121102000", "柳河镇"), [("990121102201", "柳河村"), ("990121102202", "渡口村"), ("990121102203", "南湾村")]),
    (("990121103000", "白杨镇"), [("990121103201", "白杨村"), ("990121103202", "大营村"), ("990121103203", "北沟村")]),
];
const FIRMS: &[(&str, &str)] =
    &[("firm-qingshi", "青石律师事务所"), ("firm-yunchuan", "云川律师事务所"), ("firm-zhengda", "正达律师事务所")];

use PracticeArea::{
    Admin, Contract, Criminal, Debt, EnterpriseIp, Family, Housing, Labour, Land, MedEduConsumer, Other, Tort, Traffic,
};

/// A lawyer of the county: user name, name, firm, pool, public office, home, areas, villages advised.
struct Person {
    user: &'static str,
    name: &'static str,
    firm: Option<&'static str>,
    pool: Pool,
    public_office: bool,
    home: Option<&'static str>,
    areas: &'static [PracticeArea],
    villages: &'static [&'static str],
}

const fn of_county(
    user: &'static str,
    name: &'static str,
    firm: &'static str,
    home: &'static str,
    areas: &'static [PracticeArea],
    villages: &'static [&'static str],
) -> Person {
    Person { user, name, firm: Some(firm), pool: Pool::Local, public_office: false, home: Some(home), areas, villages }
}

/// Every practice area is covered by two lawyers at least; the first one covers them all.
const LAWYERS: &[Person] = &[
    of_county("lawyer1", "林致远", "firm-yunchuan", "990121000000", PracticeArea::ALL, &[]),
    of_county(
        "lawyer2",
        "周明澜",
        "firm-yunchuan",
        "990121101000",
        &[Family, Labour, Contract, Debt],
        &["990121101201"],
    ),
    of_county(
        "lawyer3",
        "陈安宁",
        "firm-qingshi",
        "990121101000",
        &[Labour, Traffic, Tort, MedEduConsumer],
        &["990121101202", "990121101203"],
    ),
    of_county("lawyer4", "吴清和", "firm-qingshi", "990121102000", &[Land, Housing, Admin], &["990121102201"]),
    of_county(
        "lawyer5",
        "赵行之",
        "firm-zhengda",
        "990121102000",
        &[Contract, Debt, EnterpriseIp],
        &["990121102202", "990121102203"],
    ),
    of_county("lawyer6", "孙若水", "firm-zhengda", "990121103000", &[Criminal, Admin, Other], &["990121103201"]),
    Person {
        user: "lawyer7",
        name: "郑守正",
        firm: None,
        pool: Pool::Local,
        public_office: true,
        home: Some("990121103000"),
        areas: &[Family, Land, Housing],
        villages: &["990121103202", "990121103203"],
    },
    Person {
        user: "lawyer8",
        name: "何北辰",
        firm: None,
        pool: Pool::National,
        public_office: false,
        home: None,
        areas: &[Traffic, Criminal, MedEduConsumer, EnterpriseIp, Other],
        villages: &[],
    },
];

const STAFF: &[(&str, &str, Role, Option<&str>)] = &[
    ("dispatcher", "钱小满", Role::Dispatcher, None),
    ("finance", "冯立秋", Role::Finance, None),
    ("supervisor1", "沈如松", Role::Supervisor, None),
    ("supervisor2", "许知秋", Role::Supervisor, None),
    ("firmadmin", "方圆", Role::FirmAdmin, Some("firm-yunchuan")),
];

/// Who is on duty on every day: a lawyer by number, or the nation-wide pool; from which hour, for how many.
const DUTY: &[(Option<u16>, i64, i64)] = &[(Some(1), 9, 4), (Some(2), 13, 4), (Some(3), 9, 8), (None, 17, 16)];
/// Days that are planned ahead.
const DAYS: i64 = 7;
const HOUR_MS: i64 = 3_600_000;

/// 1 January 2026: the time in the ids of the demo's people.
const IDS_FROM_MS: u64 = 1_767_225_600_000;

/// What is told to whoever tries the demo.
#[derive(Clone, Debug)]
pub struct DemoCounty {
    /// The lawyers, in order.
    pub lawyers: Vec<DemoLawyer>,
    /// The office.
    pub staff: Vec<DemoStaff>,
}

/// A lawyer's login.
#[derive(Clone, Debug)]
pub struct DemoLawyer {
    /// Typed at login.
    pub user: &'static str,
    /// Typed at login.
    pub password: String,
    /// In Chinese.
    pub name: &'static str,
    /// What the lawyer answers.
    pub areas: &'static [PracticeArea],
}

/// An office login.
#[derive(Clone, Debug)]
pub struct DemoStaff {
    /// Typed at login.
    pub user: &'static str,
    /// Typed at login.
    pub password: String,
    /// In Chinese.
    pub name: &'static str,
    /// What the bureau lets this person do.
    pub role: Role,
}

/// Loads the county where it is not there yet, and says its logins. `hash` makes an argon2 hash of a password; it is
/// asked only for accounts that are not there.
pub async fn load(
    store: &Store,
    hash: impl Fn(&str) -> Result<String, StorageError>,
    now: Timestamp,
) -> Result<DemoCounty, StorageError> {
    load_areas(store).await?;
    for (id, name) in FIRMS {
        store.add_firm(&NewFirm { id, name }, now).await?;
    }
    let mut lawyers = vec![];
    for (number, person) in (1_u16..).zip(LAWYERS) {
        let id = LawyerId::new(demo_id(1, number));
        let home = person.home.map(str::parse).transpose().ok().flatten();
        let licence = format!("1990120{number:010}");
        let new = NewLawyer {
            id,
            name: person.name,
            provider_type: ProviderType::Lawyer,
            firm: person.firm,
            pool: person.pool,
            public_office: person.public_office,
            licence_no: Some(&licence),
            qualification: Qualification::Active,
            area: home.as_ref(),
            practice_areas: person.areas,
        };
        if store.add_lawyer(&new, now).await? && !person.villages.is_empty() {
            place(store, id, person.villages).await?;
        }
        let password = password_of(person.user);
        if store.account(person.user).await?.is_none() {
            store.add_lawyer_account(id, person.user, &hash(&password)?, now).await?;
        }
        lawyers.push(DemoLawyer { user: person.user, password, name: person.name, areas: person.areas });
    }
    let mut staff = vec![];
    for (number, (user, name, role, firm)) in (1_u16..).zip(STAFF) {
        let password = password_of(user);
        if store.account(user).await?.is_none() {
            let new = NewStaff {
                id: StaffId::new(demo_id(2, number)),
                account: demo_id(3, number),
                user: (*user).to_owned(),
                name: PersonName::new(*name),
                role: *role,
                firm: firm.map(str::to_owned),
                password_hash: hash(&password)?,
            };
            store.add_staff(&new, now).await?;
        }
        staff.push(DemoStaff { user, password, name, role: *role });
    }
    plan_duty(store, now).await?;
    Ok(DemoCounty { lawyers, staff })
}

/// Makes a lawyer the adviser of villages.
async fn place(store: &Store, id: LawyerId, villages: &[&str]) -> Result<(), StorageError> {
    let mut tx = store.begin().await?;
    for village in villages {
        advise(&mut tx, id, village).await?;
    }
    Ok(tx.commit().await?)
}

/// Plans this week's duty, as far as it is not planned yet.
async fn plan_duty(store: &Store, now: Timestamp) -> Result<(), StorageError> {
    let Some(today) = local(&format!("{}T00:00", &in_local(now)[..10])) else { return Ok(()) };
    for day in 0..DAYS {
        let midnight = today.0 + day * 24 * HOUR_MS;
        for (number, (lawyer, hour, hours)) in (0_i64..).zip(DUTY) {
            let who = lawyer.map_or(OnShift::Pool(Pool::National), |n| OnShift::Lawyer(LawyerId::new(demo_id(1, n))));
            let from = Timestamp(midnight + hour * HOUR_MS);
            let shift = Shift { who, area: None, from, to: Timestamp(from.0 + hours * HOUR_MS) };
            // The same shift has the same id, whenever the demo is started.
            let number = u16::try_from((midnight / (24 * HOUR_MS)) % 8192 * 8 + number).unwrap_or(0);
            store.put_shift(&demo_id(4, number).to_string(), &shift, now).await?;
        }
    }
    Ok(())
}

/// Whether the county was ever loaded into this database.
pub async fn is_loaded(store: &Store) -> Result<bool, StorageError> {
    Ok(store.areas().await?.iter().any(|area| area.code.as_str() == COUNTY.0))
}

async fn load_areas(store: &Store) -> Result<(), StorageError> {
    let put = async |(code, name): (&str, &str), parent: Option<&str>, level| {
        let parse = |code: &str| code.parse().map_err(|error| StorageError::inconsistent("areas", code, error));
        let area = Area { code: parse(code)?, parent: parent.map(parse).transpose()?, level, name: name.to_owned() };
        store.put_area(&area).await
    };
    put(COUNTY, None, AreaLevel::County).await?;
    for (town, villages) in TOWNS {
        put(*town, Some(COUNTY.0), AreaLevel::Town).await?;
        for village in villages {
            put(*village, Some(town.0), AreaLevel::Village).await?;
        }
    }
    Ok(())
}

/// Known to everybody on purpose: these accounts are for looking around and exist with `--demo` only.
fn password_of(user: &str) -> String {
    format!("demo-{user}")
}

/// The same id on every machine: UUID v7 of a fixed time, numbered.
fn demo_id(kind: u8, number: u16) -> uuid::Uuid {
    let mut random = [0; 10];
    random[0] = kind;
    random[8..].copy_from_slice(&number.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(IDS_FROM_MS, &random).into_uuid()
}
