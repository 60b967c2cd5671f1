use tenant_core::{shared, tenant};

#[tenant]
pub fn note() {}

#[shared]
#[derive(Clone)]
pub struct Note {
    pub id: i32,
}

#[tenant]
#[derive(Clone)]
pub enum Mood {
    Happy,
}

#[tenant]
impl Note {
    pub fn id(&self) -> i32 {
        self.id
    }
}

#[shared]
impl From<i32> for Note {
    fn from(id: i32) -> Self {
        Self { id }
    }
}

#[tenant]
pub mod notes {}

fn main() {
    note();
    let note = Note::from(1);
    let _ = (note.clone().id(), Mood::Happy.clone());
}
