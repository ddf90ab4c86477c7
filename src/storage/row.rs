//! Columns to values: what a row cannot hold is an error that names table and column, never a panic.
use std::{fmt::Display, str::FromStr};

use sqlx::{Row, any::AnyRow};
use yunfa_signaling::time::Timestamp;

use super::StorageError;

/// Names every statement of a file, and lists them all for the test that prepares them on both engines.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* const $name: &str = $sql;)*
        /// Every statement of this file.
        #[cfg(test)]
        pub(super) const STATEMENTS: &[(&str, &str)] = &[$((concat!(module_path!(), "::", stringify!($name)), $name)),*];
    };
}
pub(super) use statements;

/// Typed columns of one row of `table`.
pub(super) struct Columns<'a> {
    pub(super) table: &'static str,
    pub(super) row: &'a AnyRow,
}

impl<'a> Columns<'a> {
    pub(super) const fn of(table: &'static str, row: &'a AnyRow) -> Self {
        Self { table, row }
    }

    pub(super) fn text(&self, column: &str) -> Result<String, StorageError> {
        Ok(self.row.try_get(column)?)
    }

    pub(super) fn opt_text(&self, column: &str) -> Result<Option<String>, StorageError> {
        Ok(self.row.try_get(column)?)
    }

    pub(super) fn int(&self, column: &str) -> Result<i64, StorageError> {
        Ok(self.row.try_get(column)?)
    }

    pub(super) fn opt_int(&self, column: &str) -> Result<Option<i64>, StorageError> {
        Ok(self.row.try_get(column)?)
    }

    pub(super) fn time(&self, column: &str) -> Result<Timestamp, StorageError> {
        self.int(column).map(Timestamp)
    }

    pub(super) fn opt_time(&self, column: &str) -> Result<Option<Timestamp>, StorageError> {
        Ok(self.opt_int(column)?.map(Timestamp))
    }

    pub(super) fn flag(&self, column: &str) -> Result<bool, StorageError> {
        self.int(column).map(|value| value != 0)
    }

    pub(super) fn count(&self, column: &str) -> Result<u32, StorageError> {
        u32::try_from(self.int(column)?).map_err(|error| self.wrong(column, error))
    }

    pub(super) fn bytes(&self, column: &str) -> Result<Vec<u8>, StorageError> {
        Ok(self.row.try_get(column)?)
    }

    pub(super) fn opt_bytes(&self, column: &str) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.row.try_get(column)?)
    }

    pub(super) fn hash(&self, column: &str) -> Result<[u8; 32], StorageError> {
        let bytes = self.bytes(column)?;
        let length = bytes.len();
        bytes.try_into().map_err(|_| self.wrong(column, format!("{length} bytes are no hash")))
    }

    pub(super) fn parsed<T>(&self, column: &str) -> Result<T, StorageError>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.text(column)?.parse().map_err(|error: T::Err| self.wrong(column, error))
    }

    pub(super) fn opt_parsed<T>(&self, column: &str) -> Result<Option<T>, StorageError>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.opt_text(column)?.map(|text| text.parse().map_err(|error: T::Err| self.wrong(column, error))).transpose()
    }

    /// Words with a space between, in their own order; none where the column is empty.
    pub(super) fn words<T>(&self, column: &str) -> Result<Vec<T>, StorageError>
    where
        T: FromStr + Ord,
        T::Err: Display,
    {
        let text = self.opt_text(column)?.unwrap_or_default();
        let parse = |word: &str| word.parse().map_err(|error: T::Err| self.wrong(column, error));
        let mut words = text.split(' ').filter(|word| !word.is_empty()).map(parse).collect::<Result<Vec<T>, _>>()?;
        words.sort();
        Ok(words)
    }

    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T, StorageError> {
        serde_json::from_str(&self.text(column)?).map_err(|error| self.wrong(column, error))
    }

    /// The error of a column whose content cannot be.
    pub(super) fn wrong(&self, column: &str, why: impl Display) -> StorageError {
        let id: String = self.row.try_get("id").unwrap_or_default();
        StorageError::inconsistent(self.table, id, format!("{column}: {why}"))
    }
}
