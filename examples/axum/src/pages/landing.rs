//! The main site's page: the list of tenants, and the form to sign up.

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use tenant_core::{Tenant, TenantStatus};

use super::{
    PageError, Team,
    form::{Filled, Form},
    port::Port,
    render,
};
use crate::{
    app::Site,
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

pub(crate) async fn show(State(site): State<Site>, main: Tenant, port: Port) -> Result<Response, PageError> {
    let page = landing(&site, &main, &port, Filled::default()).await?;
    Ok(render(StatusCode::OK, &page)?)
}

pub(crate) async fn sign_up(
    State(site): State<Site>,
    main: Tenant,
    port: Port,
    Form(input): Form<SignUp>,
) -> Result<Response, PageError> {
    match signup::sign_up(&site, &main, &input).await {
        Ok(tenant) => Ok(Redirect::to(&url(&tenant, &port)).into_response()),
        Err(error) => {
            let status = error.status();
            let page = landing(&site, &main, &port, Filled::after(input, error)?).await?;
            Ok(render(status, &page)?)
        }
    }
}

async fn landing(site: &Site, main: &Tenant, port: &Port, form: Filled<SignUp>) -> Result<Landing, AppError> {
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
fn url(tenant: &Tenant, port: &Port) -> String {
    format!("http://{}{port}/", tenant.domain().unwrap_or_default())
}
