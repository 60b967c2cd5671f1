//! Adds jobs and does them: `jobs add SCHEMA TITLE`, `jobs work`. `DATABASE_URL` is the database.

use std::{env, error::Error};

use tenant_core::{SchemaName, Tenants};
use tracing_subscriber::EnvFilter;

const USAGE: &str = "usage: jobs add SCHEMA TITLE | jobs work";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).init();
    let words: Vec<_> = env::args().skip(1).collect();
    let tenants = Tenants::connect(env::var("DATABASE_URL")?).await?;
    let queue = example_jobs::open(&tenants).await?;
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["add", schema, title] => {
            let tenant = tenants.by_schema(&SchemaName::new(schema)?).await?;
            let tenant = tenant.ok_or_else(|| format!("there is no tenant {schema}: create it first"))?;
            example_jobs::add(&queue, &tenant, title).await
        }
        ["work"] => {
            let interrupt = async {
                tokio::signal::ctrl_c().await.ok();
            };
            Ok(example_jobs::work(tenants, queue, interrupt).await?)
        }
        _ => Err(USAGE.into()),
    }
}
