//! What anybody may know: practice areas, the area tree, the bureau and its consent text's version.
use axum::{Json, extract::State};
use serde::Serialize;
use yunfa_signaling::words::PracticeArea;

use super::{door::stored, problem::Problem};
use crate::{
    app::Shared,
    domain::{names, people::Area},
};

/// Answers `GET /api/directory`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Directory {
    practice_areas: Vec<Section>,
    areas: Vec<Area>,
    consent_version: String,
    bureau: Bureau,
}

#[derive(Serialize)]
struct Section {
    code: PracticeArea,
    zh: &'static str,
    en: &'static str,
}

#[derive(Serialize)]
struct Bureau {
    name: String,
}

/// `GET /api/directory`
pub(super) async fn read(State(app): State<Shared>) -> Result<Json<Directory>, Problem> {
    let areas = app.store.areas().await.map_err(stored)?;
    let practice_areas = PracticeArea::ALL.iter().map(|code| section(*code)).collect();
    let bureau = Bureau { name: app.config.bureau.name.clone() };
    Ok(Json(Directory { practice_areas, areas, consent_version: app.config.bureau.consent_version.clone(), bureau }))
}

fn section(code: PracticeArea) -> Section {
    let (zh, en) = names::of_area(code);
    Section { code, zh, en }
}
