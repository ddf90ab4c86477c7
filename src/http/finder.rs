//! The directory of lawyers for citizens: who is there, what they answer, how that was rated. Nothing by which somebody could be
//! reached past the server, and nothing that is not meant for everybody.
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use yunfa_signaling::{
    ids::{AreaCode, LawyerId},
    private::PersonName,
    time::Instant,
    words::{Pool, PracticeArea, Presence},
};

use super::{body::Asked, door::stored, lawyers::wrong, problem::Problem};
use crate::{
    app::{App, Shared},
    domain::people::{Language, ProviderType, county_of},
    storage::{StorageError, lawyers::LawyerRow, standing::Standing},
};

/// Lawyers of a page when nobody says how many, and at most.
const PAGE: usize = 20;
const MAX_PAGE: usize = 50;
/// How old what is shown of people and of their ratings may be; what the bureau changes counts at once.
const PEOPLE_FOR: Duration = Duration::from_secs(60);
/// How old what is shown of their presence may be.
const PRESENCE_FOR: Duration = Duration::from_secs(1);

/// Whether a citizen can call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum There {
    Free,
    Busy,
    Away,
}

impl There {
    const fn of(presence: Presence) -> Self {
        match presence {
            Presence::Available => Self::Free,
            Presence::Ringing | Presence::Busy | Presence::WrapUp => Self::Busy,
            Presence::Offline | Presence::Online | Presence::Break | Presence::OnSite => Self::Away,
        }
    }
}

/// The place of a lawyer in the directory: the village's adviser first, then who is free, the county's own, the stars, the
/// number of matters answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    is_other: bool,
    there: There,
    pool: Pool,
    stars_below: u32,
    answered_below: u32,
    id: LawyerId,
}

impl Place {
    fn text(&self) -> String {
        let Self { is_other, there, pool, stars_below, answered_below, id } = self;
        let (there, pool) = (*there as u8, *pool as u8);
        format!("{}.{there}.{pool}.{stars_below}.{answered_below}.{id}", u8::from(*is_other))
    }

    fn read(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('.').collect();
        let [other, there, pool, stars, answered, id] = parts.try_into().ok()?;
        Some(Self {
            is_other: other == "1",
            there: *[There::Free, There::Busy, There::Away].get(there.parse::<usize>().ok()?)?,
            pool: *Pool::ALL.get(pool.parse::<usize>().ok()?)?,
            stars_below: stars.parse().ok()?,
            answered_below: answered.parse().ok()?,
            id: id.parse().ok()?,
        })
    }
}

/// One lawyer as everybody may know one.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Known {
    id: LawyerId,
    name: PersonName,
    provider_type: ProviderType,
    pool: Pool,
    practice_areas: Vec<PracticeArea>,
    languages: Vec<Language>,
    presence: There,
    /// The mean of all stars, to one decimal; `null` while nobody rated.
    stars: Option<f64>,
    /// How many matters were rated.
    rated: u32,
    /// How many matters were answered.
    answered: u32,
    /// The adviser of the village that was asked for.
    adviser: bool,
    #[serde(skip)]
    county: Option<AreaCode>,
    #[serde(skip)]
    villages: Vec<AreaCode>,
    #[serde(skip)]
    place: Place,
}

impl Known {
    fn new(row: LawyerRow, standing: Standing) -> Self {
        let Standing { answered, rated, stars } = standing;
        let tenths = (stars * 10 + rated / 2).checked_div(rated);
        let place = Place {
            is_other: true,
            there: There::Away,
            pool: row.pool,
            stars_below: u32::MAX - tenths.unwrap_or(0),
            answered_below: u32::MAX - answered,
            id: row.id,
        };
        Self {
            id: row.id,
            name: row.name,
            provider_type: row.provider_type,
            pool: row.pool,
            practice_areas: row.practice_areas,
            languages: row.languages,
            presence: There::Away,
            stars: tenths.map(|tenths| f64::from(tenths) / 10.0),
            rated,
            answered,
            adviser: false,
            county: row.area.as_ref().map(county_of),
            villages: row.villages,
            place,
        }
    }
}

/// All of them, in order of their places.
type Directory = Arc<Vec<Known>>;

/// The directory, read at most once a minute and looked over at most once a second, however many ask.
#[derive(Debug, Default)]
pub struct Finder {
    /// Rises with every change of the books.
    books: AtomicU64,
    shelf: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    read: Option<(u64, Instant)>,
    looked: Option<Instant>,
    directory: Directory,
}

impl Finder {
    /// The books have changed.
    pub fn forget(&self) {
        self.books.fetch_add(1, Ordering::AcqRel);
    }

    /// The directory as of now. Of many who ask at once one reads and the others wait for it.
    async fn directory(&self, app: &App) -> Result<Directory, StorageError> {
        let mut shelf = self.shelf.lock().await;
        let (books, now) = (self.books.load(Ordering::Acquire), app.clock.now().mono);
        let is_read = shelf.read.is_some_and(|(of, at)| of == books && now.since(at) < PEOPLE_FOR);
        if !is_read {
            let standings = app.store.standings().await?;
            let rows = app.store.serving(app.clock.wall()).await?;
            let known = |row: LawyerRow| {
                let standing = standings.get(&row.id).copied().unwrap_or_default();
                Known::new(row, standing)
            };
            shelf.directory = Arc::new(rows.into_iter().map(known).collect());
            (shelf.read, shelf.looked) = (Some((books, now)), None);
        }
        if shelf.looked.is_none_or(|at| now.since(at) >= PRESENCE_FOR) {
            let presences = app.live.presences().await;
            shelf.directory = Arc::new(look_over(&shelf.directory, &presences));
            shelf.looked = Some(now);
        }
        Ok(Arc::clone(&shelf.directory))
    }
}

/// The same people with their presence as it is now, in order.
fn look_over(directory: &[Known], presences: &BTreeMap<LawyerId, Presence>) -> Vec<Known> {
    let mut people = directory.to_vec();
    for known in &mut people {
        let presence = presences.get(&known.id).copied().unwrap_or(Presence::Offline);
        known.presence = There::of(presence);
        known.place.there = known.presence;
    }
    people.sort_unstable_by_key(|known| known.place);
    people
}

/// Who is looked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wanted {
    /// Where the citizen is: the adviser of that village comes first, lawyers of other counties are left out.
    area: Option<String>,
    practice_area: Option<PracticeArea>,
    pool: Option<Pool>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// One page.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    items: Vec<Known>,
    next: Option<String>,
}

/// `GET /api/directory/lawyers`
pub(super) async fn find(State(app): State<Shared>, Asked(wanted): Asked<Wanted>) -> Result<Json<Found>, Problem> {
    let area = wanted.area.as_deref().map(str::parse::<AreaCode>).transpose();
    let area = area.map_err(|error| wrong(error.to_string()))?;
    let directory = app.finder.directory(&app).await.map_err(stored)?;
    let after = wanted.cursor.as_deref().and_then(Place::read);
    let limit = wanted.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE);
    Ok(Json(page(&directory, &wanted, area.as_ref(), after, limit)))
}

fn page(directory: &[Known], wanted: &Wanted, area: Option<&AreaCode>, after: Option<Place>, limit: usize) -> Found {
    let county = area.map(county_of);
    let is_wanted = |known: &&Known| {
        wanted.pool.is_none_or(|pool| known.pool == pool)
            && wanted.practice_area.is_none_or(|practice_area| known.practice_areas.contains(&practice_area))
            && (known.pool == Pool::National || known.county.is_none() || county.is_none() || known.county == county)
    };
    let advises = |known: &Known| area.is_some_and(|area| known.villages.contains(area));
    // The directory is in order but for the advisers of this one village.
    let mut rows = directory.iter().filter(is_wanted).filter(|known| advises(known)).map(|known| Known {
        adviser: true,
        place: Place { is_other: false, ..known.place },
        ..known.clone()
    });
    let mut others = directory.iter().filter(is_wanted).filter(|known| !advises(known)).cloned();
    let in_order = std::iter::from_fn(|| rows.next().or_else(|| others.next()));
    let mut items: Vec<Known> =
        in_order.filter(|known| after.is_none_or(|after| known.place > after)).take(limit + 1).collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| last.place.text());
    Found { items, next }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{domain::people::Qualification, storage::lawyers::AccountState};

    fn known(n: u128, pool: Pool, home: Option<&str>, village: Option<&str>, standing: Standing) -> Known {
        let code = |text: &str| text.parse().expect("a code");
        let row = LawyerRow {
            id: LawyerId::new(Uuid::from_u128(n)),
            name: PersonName::new("律师"),
            provider_type: ProviderType::Lawyer,
            firm: None,
            pool,
            qualification: Qualification::Active,
            practice_areas: vec![PracticeArea::Labour],
            languages: vec![Language::Mandarin],
            public_office: false,
            licence_no: None,
            area: home.map(code),
            villages: village.into_iter().map(code).collect(),
            version: 1,
            account: AccountState::Active,
            user: None,
            created_at: yunfa_signaling::time::Timestamp(0),
        };
        Known::new(row, standing)
    }

    fn standing(answered: u32, rated: u32, stars: u32) -> Standing {
        Standing { answered, rated, stars }
    }

    fn wanted() -> Wanted {
        Wanted { area: None, practice_area: None, pool: None, cursor: None, limit: None }
    }

    fn ids(found: &Found) -> Vec<u128> {
        found.items.iter().map(|known| known.id.to_string().parse::<Uuid>().expect("an id").as_u128()).collect()
    }

    #[test]
    fn who_is_free_comes_first_then_the_countys_own_then_the_better_rated() {
        let people = [
            known(1, Pool::National, None, None, standing(9, 9, 45)),
            known(2, Pool::Local, Some("990121101000"), None, standing(5, 4, 15)),
            known(3, Pool::Local, Some("990121102000"), Some("990121101201"), standing(0, 0, 0)),
            known(4, Pool::Local, Some("980101000000"), None, standing(5, 4, 18)),
        ];
        let free = [1, 2].map(|n| (LawyerId::new(Uuid::from_u128(n)), Presence::Available));
        let directory = look_over(&people, &free.into());
        let here: AreaCode = "990121101201".parse().expect("a code");

        let all = page(&directory, &wanted(), None, None, 50);
        let from_village = page(&directory, &wanted(), Some(&here), None, 50);

        assert_eq!(ids(&all), [2, 1, 4, 3]);
        assert_eq!(ids(&from_village), [3, 2, 1], "the adviser first, nobody of another county");
        assert!(from_village.items[0].adviser && !from_village.items[1].adviser);
        assert_eq!((all.items[0].stars, all.items[0].rated, all.items[3].stars), (Some(3.8), 4, None));
        let local = Wanted { pool: Some(Pool::Local), practice_area: Some(PracticeArea::Family), ..wanted() };
        assert_eq!(ids(&page(&directory, &local, None, None, 50)), [0_u128; 0]);
    }

    #[test]
    fn pages_follow_one_another_without_a_gap() {
        let people: Vec<_> = (1..=10)
            .map(|n| known(n, Pool::Local, None, Some("990121101201").filter(|_| n > 8), standing(0, 0, 0)))
            .collect();
        let directory = look_over(&people, &BTreeMap::new());
        let here: AreaCode = "990121101201".parse().expect("a code");
        let (mut seen, mut after) = (vec![], None);

        loop {
            let found = page(&directory, &wanted(), Some(&here), after, 3);
            seen.extend(ids(&found));
            let Some(next) = found.next else { break };
            after = Some(Place::read(&next).expect("a cursor of ours"));
        }

        assert_eq!(seen, [9, 10, 1, 2, 3, 4, 5, 6, 7, 8]);
        for nonsense in ["", "1.2.3", "0.9.0.1.1.x", "0.0.7.1.1.0192f3c4-5678-7abc-8def-0123456789ab"] {
            assert_eq!(Place::read(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn nothing_is_told_that_is_not_everybodys() {
        let people = [known(1, Pool::Local, Some("990121101000"), Some("990121101201"), standing(1, 1, 5))];
        let found = page(&people, &wanted(), None, None, 1);

        let told = serde_json::to_value(&found.items[0]).expect("JSON");

        let fields: Vec<_> = told.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(
            fields,
            [
                "adviser",
                "answered",
                "id",
                "languages",
                "name",
                "pool",
                "practiceAreas",
                "presence",
                "providerType",
                "rated",
                "stars"
            ]
        );
    }
}
