//! The hosts of requests.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use axum_core::response::{IntoResponse, Response};
use http::{HeaderValue, Request, StatusCode, Uri, Version, header::HOST};
use sea_orm::DatabaseConnection;
use tenant_core::{
    Host, SchemaName, Tenant, TenantId, Tenants,
    axum::TenantLayer,
    catalog::{CatalogError, TenantStore},
};
use tokio::runtime::{Builder, Runtime};
use tower_layer::Layer;
use tower_service::Service;

use crate::world;

/// The bytes are a host; and, cut at the ends of lines, the target of a request and its `Host` headers.
pub fn host(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        parse(text);
    }
    let mut lines = data.split(|byte| *byte == b'\n');
    let target = lines.next().unwrap_or_default();
    request(target, &lines.collect::<Vec<_>>());
}

/// Checks that all spellings of an accepted host have one form.
fn parse(text: &str) {
    let host = Host::parse(text);
    assert_eq!(
        host.as_ref().ok().map(|host| host.as_str().to_owned()),
        expected(text),
        "{text:?}"
    );
    let Ok(host) = host else { return };
    let name = host.as_str();
    for spelling in [
        name.to_owned(),
        format!("{name}."),
        format!("{name}:443"),
        format!("{name}.:80"),
        name.to_ascii_uppercase(),
    ] {
        assert_eq!(Host::parse(&spelling).as_ref(), Ok(&host), "{spelling}");
    }
    for other in [
        format!(".{name}"),
        format!("{name}.."),
        format!("{name}:"),
        format!("x@{name}"),
        format!(" {name}"),
    ] {
        assert!(Host::parse(&other).is_err(), "{other}");
    }
}

/// The rules, as another would write them down: the form of the host that `text` names.
fn expected(text: &str) -> Option<String> {
    let (name, port) = match text.find(':') {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    if let Some(port) = port {
        let value = port.chars().try_fold(0_u32, |value, digit| {
            Some(value.saturating_mul(10).saturating_add(digit.to_digit(10)?))
        })?;
        if port.is_empty() || port.len() > 5 || value > 65_535 {
            return None;
        }
    }
    let name = match name.chars().last() {
        Some('.') => &name[..name.len() - 1],
        _ => name,
    };
    let mut run = 0;
    let mut before = '.';
    for letter in name.chars().chain(['.']) {
        let fits = match letter {
            '.' => before != '.' && before != '-',
            '-' => before != '.',
            'a'..='z' | 'A'..='Z' | '0'..='9' => true,
            _ => false,
        };
        run = if letter == '.' { 0 } else { run + 1 };
        if !fits || run > 63 {
            return None;
        }
        before = letter;
    }
    (name.len() <= 253).then(|| name.to_lowercase())
}

/// A request gets the tenant of the one host that it names, or 400.
fn request(target: &[u8], headers: &[&[u8]]) {
    let Ok(uri) = Uri::try_from(target) else { return };
    for version in [Version::HTTP_11, Version::HTTP_2] {
        request_of(version, &uri, headers);
    }
}

fn request_of(version: Version, uri: &Uri, headers: &[&[u8]]) {
    let mut request = Request::new(());
    *request.uri_mut() = uri.clone();
    *request.version_mut() = version;
    for header in headers {
        let Ok(value) = HeaderValue::from_bytes(header) else {
            return;
        };
        request.headers_mut().append(HOST, value);
    }
    let asked = Asked::default();
    let status = answer(request, &asked);
    let authority = uri.authority().map(|authority| authority.as_str());
    let expected = expected_of_request(version, authority, headers);
    let status_expected = if expected.is_some() {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    };
    assert_eq!(
        asked.names(),
        expected.into_iter().collect::<Vec<_>>(),
        "{version:?} {uri} {headers:?}"
    );
    assert_eq!(status, status_expected);
}

fn expected_of_request(version: Version, authority: Option<&str>, headers: &[&[u8]]) -> Option<String> {
    let header = match headers {
        // RFC 9112, section 3.2.
        [] if version == Version::HTTP_11 => return None,
        [] => None,
        [one] => Some(expected(std::str::from_utf8(one).ok()?)?),
        _ => return None,
    };
    let authority = match authority {
        Some(text) => Some(expected(text)?),
        None => None,
    };
    match (authority, header) {
        (Some(authority), Some(header)) => (authority == header).then_some(header),
        (authority, header) => authority.or(header),
    }
}

thread_local! {
    /// Looking a tenant up is a task of its own.
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
}

/// The status that the layer answers with.
fn answer(request: Request<()>, asked: &Asked) -> StatusCode {
    let tenants = Tenants::builder()
        .store(asked.clone())
        .host_cache_ttl(Duration::ZERO)
        .from_connection(DatabaseConnection::default());
    let tenants = world::ready(tenants).expect("the configuration works");
    let mut service = TenantLayer::new(tenants).layer(Page);
    match RUNTIME.with(|runtime| runtime.block_on(service.call(request))) {
        Ok(response) => response.status(),
        Err(never) => match never {},
    }
}

/// The page behind the layer.
#[derive(Clone)]
struct Page;

impl Service<Request<()>> for Page {
    type Response = Response;
    type Error = Infallible;
    type Future = Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(StatusCode::OK.into_response()))
    }
}

/// A store that has a tenant for every host, and remembers which it was asked for.
#[derive(Debug, Clone, Default)]
struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    fn names(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics with it").clone()
    }
}

#[async_trait::async_trait]
impl TenantStore for Asked {
    async fn by_domain(&self, domain: &Host) -> Result<Option<Tenant>, CatalogError> {
        self.0
            .lock()
            .expect("nobody panics with it")
            .push(domain.to_string());
        let schema = SchemaName::new("acme").expect("a name");
        Ok(Some(Tenant::new(TenantId(1), schema, "Acme")))
    }

    async fn by_schema(&self, _: &SchemaName) -> Result<Option<Tenant>, CatalogError> {
        Ok(None)
    }

    async fn by_id(&self, _: TenantId) -> Result<Option<Tenant>, CatalogError> {
        Ok(None)
    }

    async fn list(&self) -> Result<Vec<Tenant>, CatalogError> {
        Ok(Vec::new())
    }
}
