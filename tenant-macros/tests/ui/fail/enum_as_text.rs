use sea_orm::entity::prelude::*;
use tenant_core::{shared, tenant};

#[tenant]
#[derive(Clone, Debug, PartialEq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Mood {
    #[sea_orm(string_value = "happy")]
    Happy,
}

#[shared]
#[derive(Clone, Debug, PartialEq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "i32", db_type = "Integer")]
pub enum Tier {
    #[sea_orm(num_value = 0)]
    Free,
}

fn main() {}
