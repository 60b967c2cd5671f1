//! Faults of this library, armed by name.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError, RwLock},
};

use crate::schema_name::SchemaName;

static ARMED: RwLock<&'static [&'static str]> = RwLock::new(&[]);
static FIRST_SCHEMAS: Mutex<Option<HashMap<String, SchemaName>>> = Mutex::new(None);

/// Arms these faults and no others, in the whole process.
pub fn arm(names: &'static [&'static str]) {
    *ARMED.write().unwrap_or_else(PoisonError::into_inner) = names;
    *FIRST_SCHEMAS.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// True if the fault is armed.
pub(crate) fn is(name: &str) -> bool {
    ARMED.read().unwrap_or_else(PoisonError::into_inner).contains(&name)
}

/// Returns the schema that this text was rendered for first if the fault is armed, else `schema`.
pub(crate) fn first_schema(name: &str, text: &str, schema: &SchemaName) -> SchemaName {
    if !is(name) {
        return schema.clone();
    }
    let mut schemas = FIRST_SCHEMAS.lock().unwrap_or_else(PoisonError::into_inner);
    let schemas = schemas.get_or_insert_default();
    schemas.entry(text.to_owned()).or_insert_with(|| schema.clone()).clone()
}
