//! [`Fingerprint`]: all that the catalogs say of a schema's structure.

use sea_orm::{ConnectionTrait, DbErr};

use tenant_core::SchemaName;

use crate::schema::structure::{
    mention,
    query::{about_schema, enter, rows},
    read::Reading,
};

/// Description of a schema, object by object. Schemas of the same structure have equal ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint(Vec<(String, String)>);

impl Fingerprint {
    /// Reads it. What this does to the session is for the caller to take back.
    pub(crate) async fn read(db: &impl ConnectionTrait, reading: &Reading<'_>) -> Result<Self, DbErr> {
        enter(db, &reading.path).await?;
        let sql = about_schema!("pin.sql", "rights.sql", "fingerprint.sql");
        let lines = rows(db, sql, reading.values()).await?.into_iter();
        let lines = lines.map(|row| {
            let content: Option<String> = row.try_get_by_index(1)?;
            Ok((row.try_get_by_index(0)?, content.unwrap_or_default()))
        });
        lines.collect::<Result<_, DbErr>>().map(Self)
    }

    /// An object that has the name of a schema in what is said of it, even as a part of a word. Names in the schema that
    /// was read are not written in full.
    pub(crate) fn naming(&self, schema: &SchemaName) -> Option<&str> {
        let name = schema.as_str().to_ascii_lowercase();
        let mut objects = self.0.iter();
        let (object, _) = objects.find(|(_, content)| content.to_ascii_lowercase().contains(&name))?;
        Some(object)
    }

    /// The objects that have the name of a schema in a text: in the body of a function, a comment or a string.
    pub(crate) fn mentioning(&self, schema: &SchemaName) -> impl Iterator<Item = &str> {
        let name = schema.as_str();
        let objects = self.0.iter();
        let mentions = move |(object, content): &&(String, String)| mention::describes(object, content, name);
        objects.filter(mentions).map(|(object, _)| object.as_str())
    }

    /// An object that is not the same in both.
    pub(crate) fn difference<'a>(&'a self, other: &'a Self) -> Option<&'a str> {
        let pairs = self.0.iter().zip(&other.0);
        let differs = pairs.into_iter().find(|(one, other)| one != other);
        let rest = || {
            let shorter = self.0.len().min(other.0.len());
            self.0.get(shorter).or_else(|| other.0.get(shorter))
        };
        let (object, _) = differs.map(|(one, other)| one.min(other)).or_else(rest)?;
        Some(object)
    }
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;

    fn fingerprint(lines: &[(&str, &str)]) -> Fingerprint {
        let lines = lines.iter();
        Fingerprint(
            lines
                .map(|(object, content)| (object.to_string(), content.to_string()))
                .collect(),
        )
    }

    #[test]
    fn the_first_object_that_differs_is_named() {
        let both = fingerprint(&[("table a", "1"), ("table b", "1")]);
        assert_eq!(both.difference(&both), None);
        assert_eq!(
            both.difference(&fingerprint(&[("table a", "1"), ("table b", "2")])),
            Some("table b")
        );
        assert_eq!(
            both.difference(&fingerprint(&[("table a", "1")])),
            Some("table b")
        );
        assert_eq!(
            fingerprint(&[("table b", "1")]).difference(&both),
            Some("table a")
        );
    }
}
