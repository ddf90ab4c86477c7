//! What anybody may know: practice areas, the area tree, the bureau and its consent text's version.
use axum::{Json, extract::State};
use serde::Serialize;
use yunfa_signaling::words::PracticeArea;

use super::{door::stored, problem::Problem};
use crate::{app::Shared, domain::people::Area};

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
    let (zh, en) = match code {
        PracticeArea::Family => ("婚姻家庭继承", "Marriage, family, inheritance"),
        PracticeArea::Labour => ("劳动社保", "Work and social insurance"),
        PracticeArea::Contract => ("合同纠纷", "Contracts"),
        PracticeArea::Debt => ("债权债务", "Debts"),
        PracticeArea::Traffic => ("交通事故", "Traffic accidents"),
        PracticeArea::Tort => ("损害赔偿", "Injury and damages"),
        PracticeArea::Land => ("土地建设、征地拆迁", "Land and expropriation"),
        PracticeArea::Housing => ("房屋产权、物业邻里", "Housing and neighbours"),
        PracticeArea::Criminal => ("刑事", "Criminal matters"),
        PracticeArea::Admin => ("行政与信访", "Authorities and petitions"),
        PracticeArea::MedEduConsumer => ("医疗教育消费", "Health, school, shopping"),
        PracticeArea::EnterpriseIp => ("企业与知识产权", "Business and intellectual property"),
        PracticeArea::Other => ("其他", "Something else"),
    };
    Section { code, zh, en }
}
