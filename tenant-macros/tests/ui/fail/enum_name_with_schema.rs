use sea_orm::entity::prelude::*;
use tenant_core::tenant;

#[tenant]
#[derive(Clone, Debug, PartialEq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "acme.mood")]
pub enum Mood {
    #[sea_orm(string_value = "happy")]
    Happy,
}

fn main() {}
