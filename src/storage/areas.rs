//! The area tree: county, towns, villages.
use yunfa_signaling::ids::AreaCode;

use super::{
    StorageError, Store,
    row::{Columns, statements},
};
use crate::domain::people::{Area, AreaLevel};

statements! {
    AREAS = "SELECT code AS id, parent, level, name FROM areas ORDER BY code";
    PUT_AREA = "INSERT INTO areas (code, parent, level, name) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (code) DO UPDATE SET parent = excluded.parent, level = excluded.level, name = excluded.name";
}

impl Store {
    /// The whole tree, in order of code: a county before its towns, a town before its villages.
    pub async fn areas(&self) -> Result<Vec<Area>, StorageError> {
        let rows = sqlx::query(AREAS).fetch_all(self.read()).await?;
        rows.iter()
            .map(|row| {
                let of = Columns::of("areas", row);
                Ok(Area {
                    code: of.parsed("id")?,
                    parent: of.opt_parsed::<AreaCode>("parent")?,
                    level: of.parsed::<AreaLevel>("level")?,
                    name: of.text("name")?,
                })
            })
            .collect()
    }

    /// Adds an area or corrects its name; its parent must be there.
    pub async fn put_area(&self, area: &Area) -> Result<(), StorageError> {
        sqlx::query(PUT_AREA)
            .bind(area.code.as_str())
            .bind(area.parent.as_ref().map(AreaCode::as_str))
            .bind(area.level.as_str())
            .bind(&area.name)
            .execute(self.write())
            .await?;
        Ok(())
    }
}
