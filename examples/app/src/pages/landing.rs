//! The main site's page: the list of tenants, and the form to sign up.

use askama::Template;
use tenant_core::{Tenant, TenantStatus};

use super::{Filled, PageError, Port, Team, ok};
use crate::{
    Site,
    answer::{self, Answer},
    error::AppError,
    signup::{self, SignUp},
};

#[derive(Template)]
#[template(path = "landing.html")]
struct Landing {
    domain: String,
    teams: Vec<Link>,
    form: Filled<SignUp>,
}

struct Link {
    team: Team,
    url: String,
}

/// Returns the page.
///
/// # Errors
/// [`PageError`].
pub async fn show(site: &Site, main: &Tenant, port: Port) -> Result<Answer, PageError> {
    ok(&landing(site, main, port, Filled::default()).await?)
}

/// Creates a tenant, and leads to its site.
///
/// # Errors
/// [`PageError`]. An error of a field is on the page, beside the form.
pub async fn sign_up(site: &Site, main: &Tenant, port: Port, input: SignUp) -> Result<Answer, PageError> {
    match signup::sign_up(site, main, &input).await {
        Ok(tenant) => Ok(answer::see_other(&url(&tenant, port))?),
        Err(error) => {
            let status = error.status();
            let page = landing(site, main, port, Filled::after(input, error)?).await?;
            Ok(answer::html(status, &page)?)
        }
    }
}

async fn landing(site: &Site, main: &Tenant, port: Port, form: Filled<SignUp>) -> Result<Landing, AppError> {
    let tenants = site.tenants.list().await?;
    let open = tenants.iter().filter(|tenant| {
        !tenant.is_public() && tenant.status() == TenantStatus::Active && tenant.domain().is_some()
    });
    let teams = open.map(|tenant| Link {
        team: tenant.into(),
        url: url(tenant, port),
    });
    Ok(Landing {
        domain: signup::base_domain(main).to_owned(),
        teams: teams.collect(),
        form,
    })
}

/// Returns the URL of a tenant's site: the domain from the catalog, with the port of the current request.
pub(super) fn url(tenant: &Tenant, port: Port) -> String {
    format!("http://{}{port}/", tenant.domain().unwrap_or_default())
}
