//! Lawyers as the bureau keeps them: lists, one in full, taking on, changing. A firm sees its own people only.
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use yunfa_signaling::{
    ids::{AreaCode, LawyerId},
    private::PersonName,
    words::{Pool, PracticeArea, Presence, Role},
};

use super::{
    body::{Asked, Said},
    door::{Caller, stored},
    policy::Reach,
    problem::{Code, Problem},
    sessions::PageOf,
};
use crate::{
    app::{App, Shared},
    domain::{
        import::{
            Places,
            people::{Entry, MAX_NAME_CHARS, MAX_VILLAGES},
        },
        people::{Language, LicenceNo, ProviderType, Qualification},
    },
    storage::{
        Page,
        lawyers::{LawyerFilter, LawyerRow, StepRow, Written},
    },
};

/// Longest text that is looked for.
const MAX_TEXT_CHARS: usize = 40;

/// Which lawyers are asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    firm: Option<String>,
    qualification: Option<Qualification>,
    q: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// One lawyer of a list, with whether they are there now.
#[derive(Serialize)]
pub(super) struct Listed {
    #[serde(flatten)]
    row: LawyerRow,
    presence: Presence,
}

/// One lawyer in full.
#[derive(Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    listed: Listed,
    /// The steps that this caller may take now.
    next: Vec<Qualification>,
    /// The steps that were taken, the newest first.
    steps: Vec<StepRow>,
}

/// `GET /api/lawyers`
pub(super) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Page<Listed>>, Problem> {
    let own = scope(&app, caller).await?;
    let text = wanted.q.filter(|text| text.chars().count() <= MAX_TEXT_CHARS);
    let filter = LawyerFilter { firm: own.or(wanted.firm), qualification: wanted.qualification, text };
    let page = PageOf { cursor: wanted.cursor, limit: wanted.limit };
    let found = app.store.lawyer_rows(&filter, page.cursor.as_deref(), page.rows(), app.clock.wall()).await;
    let found = found.map_err(stored)?;
    let presences = app.live.presences().await;
    let listed = |row: LawyerRow| {
        let presence = presences.get(&row.id).copied().unwrap_or(Presence::Offline);
        Listed { row, presence }
    };
    Ok(Json(Page { items: found.items.into_iter().map(listed).collect(), next: found.next }))
}

/// `GET /api/lawyers/{id}`
pub(super) async fn read(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Shown>, Problem> {
    let row = reachable(&app, caller, &id).await?;
    shown(&app, caller, row).await.map(Json)
}

/// What may be said of a lawyer; each part may be left out when an entry is changed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EntrySaid {
    /// The version that was read, when an entry is changed.
    version: Option<i64>,
    firm: Option<String>,
    name: Option<String>,
    licence_no: Option<String>,
    provider_type: Option<ProviderType>,
    practice_areas: Option<Vec<PracticeArea>>,
    languages: Option<Vec<Language>>,
    pool: Option<Pool>,
    public_office: Option<bool>,
    /// Empty for none.
    area: Option<String>,
    villages: Option<Vec<AreaCode>>,
}

impl EntrySaid {
    /// Whether it touches what only the bureau may change.
    const fn is_of_the_bureau(&self) -> bool {
        self.firm.is_some()
            || self.name.is_some()
            || self.licence_no.is_some()
            || self.provider_type.is_some()
            || self.pool.is_some()
            || self.public_office.is_some()
            || self.area.is_some()
            || self.villages.is_some()
    }

    /// Writes what was said over `entry`, and checks all of it.
    fn over(self, mut entry: Entry, places: &Places) -> Result<Entry, Problem> {
        if let Some(name) = self.name {
            entry.name = name_of(&name)?;
        }
        if let Some(text) = self.licence_no {
            let licence = Some(text.trim()).filter(|text| !text.is_empty());
            let read = |text: &str| text.parse::<LicenceNo>().map_err(|error| wrong(error.to_string()));
            entry.licence = licence.map(read).transpose()?;
        }
        entry.provider_type = self.provider_type.unwrap_or(entry.provider_type);
        entry.areas = self.practice_areas.unwrap_or(entry.areas);
        entry.languages = self.languages.unwrap_or(entry.languages);
        entry.pool = self.pool.unwrap_or(entry.pool);
        entry.public_office = self.public_office.unwrap_or(entry.public_office);
        if let Some(area) = self.area {
            entry.home = match area.trim() {
                "" => None,
                text => Some(places.find(text).ok_or_else(|| wrong("area is none of this bureau's"))?),
            };
        }
        if let Some(villages) = self.villages {
            if !villages.iter().all(|village| places.is_village(village)) {
                return Err(wrong("villages are villages of this bureau"));
            }
            entry.villages = villages;
        }
        let entry = entry.in_order();
        if entry.areas.is_empty() || entry.languages.is_empty() || entry.villages.len() > MAX_VILLAGES {
            return Err(wrong("practiceAreas and languages name one at least, villages forty at most"));
        }
        Ok(entry)
    }
}

/// `POST /api/lawyers`: one person who has applied, by hand.
pub(super) async fn add(
    State(app): State<Shared>,
    caller: Caller,
    Said(said): Said<EntrySaid>,
) -> Result<(StatusCode, Json<Shown>), Problem> {
    let places = places(&app).await?;
    if let Some(firm) = &said.firm
        && app.store.firms(Some(firm), app.clock.wall()).await.map_err(stored)?.is_empty()
    {
        return Err(wrong("firm is none of this bureau's"));
    }
    let (Some(_), Some(provider_type)) = (&said.name, said.provider_type) else {
        return Err(wrong("name, providerType and practiceAreas are needed"));
    };
    let firm = said.firm.clone();
    let blank = Entry {
        name: PersonName::new(""),
        licence: None,
        provider_type,
        areas: vec![],
        languages: vec![Language::Mandarin],
        pool: Pool::Local,
        public_office: false,
        home: None,
        villages: vec![],
    };
    let entry = said.over(blank, &places)?;
    let id: LawyerId = app.clock.mint();
    let actor = caller.subject.id();
    match app.store.take_on(id, firm.as_deref(), &entry, &actor, app.clock.wall()).await.map_err(stored)? {
        Written::Done => {}
        Written::LicenceTaken => return Err(Code::LicenceTaken.into()),
        Written::Stale => return Err(Code::ChangedMeanwhile.into()),
    }
    let row = app.store.lawyer_row(id, app.clock.wall()).await.map_err(stored)?.ok_or(Code::NotFound)?;
    Ok((StatusCode::CREATED, Json(shown(&app, caller, row).await?)))
}

/// `POST /api/lawyers/{id}`: counts from the next matter on.
pub(super) async fn edit(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Said(said): Said<EntrySaid>,
) -> Result<Json<Shown>, Problem> {
    let row = reachable(&app, caller, &id).await?;
    if said.firm.is_some() || (caller.reach == Reach::Own && said.is_of_the_bureau()) {
        return Err(Problem::from(Code::NotAllowed).because("a firm keeps practice areas and languages up"));
    }
    let Some(version) = said.version.filter(|version| *version > 0) else { return Err(wrong("version is needed")) };
    let entry = said.over(row.entry(), &places(&app).await?)?;
    let actor = caller.subject.id();
    let turn = app.profiles.lock().await;
    match app.store.change_lawyer(row.id, version, &entry, &actor, app.clock.wall()).await.map_err(stored)? {
        Written::Done => {}
        Written::LicenceTaken => return Err(Code::LicenceTaken.into()),
        Written::Stale => return Err(Code::ChangedMeanwhile.into()),
    }
    tell(&app, row.id).await?;
    drop(turn);
    let row = app.store.lawyer_row(row.id, app.clock.wall()).await.map_err(stored)?.ok_or(Code::NotFound)?;
    shown(&app, caller, row).await.map(Json)
}

/// The one firm whose people this caller sees; none for whoever sees all.
pub(super) async fn scope(app: &App, caller: Caller) -> Result<Option<String>, Problem> {
    match caller.reach {
        Reach::All => Ok(None),
        Reach::Own => app.store.firm_of(caller.subject).await.map_err(stored)?.map(Some).ok_or(Code::NotFound.into()),
        Reach::No => Err(Code::NotAllowed.into()),
    }
}

/// The lawyer with this id, if this caller may see them; otherwise there is none.
pub(super) async fn reachable(app: &App, caller: Caller, id: &str) -> Result<LawyerRow, Problem> {
    let own = scope(app, caller).await?;
    let id: LawyerId = id.parse().map_err(|_| Code::NotFound)?;
    let row = app.store.lawyer_row(id, app.clock.wall()).await.map_err(stored)?.ok_or(Code::NotFound)?;
    let is_own = own.is_none() || own.as_ref() == row.firm.as_ref().map(|firm| &firm.id);
    if is_own { Ok(row) } else { Err(Code::NotFound.into()) }
}

/// Tells the live part how a lawyer stands on the books now. Whoever calls holds the turn, so that nothing older comes later.
pub(super) async fn tell(app: &App, id: LawyerId) -> Result<(), Problem> {
    if let Some(lawyer) = app.store.lawyer(id).await.map_err(stored)? {
        app.live.profile_changed(lawyer);
    }
    app.finder.forget();
    Ok(())
}

async fn shown(app: &App, caller: Caller, row: LawyerRow) -> Result<Shown, Problem> {
    let steps = app.store.qualification_steps(row.id).await.map_err(stored)?;
    let next = row.qualification.next().iter().copied();
    let next = match caller.subject.role() {
        Role::Dispatcher => next.collect(),
        Role::Supervisor => next.filter(|to| *to == Qualification::Suspended).collect(),
        Role::Citizen | Role::Lawyer | Role::Finance | Role::FirmAdmin => vec![],
    };
    let presence = app.live.presences().await.get(&row.id).copied().unwrap_or(Presence::Offline);
    Ok(Shown { listed: Listed { row, presence }, next, steps })
}

async fn places(app: &App) -> Result<Places, Problem> {
    Ok(Places::new(&app.store.areas().await.map_err(stored)?))
}

/// A name as people write one.
pub(super) fn name_of(text: &str) -> Result<PersonName, Problem> {
    let name = text.trim();
    let fits = (1..=MAX_NAME_CHARS).contains(&name.chars().count()) && !name.contains(char::is_control);
    if fits && !name.starts_with(['=', '+', '-', '@']) {
        Ok(PersonName::new(name))
    } else {
        Err(wrong("name has 1 to 40 characters"))
    }
}

pub(super) fn wrong(detail: impl Into<String>) -> Problem {
    Problem::from(Code::BadMessage).because(detail)
}
