//! [`Server`]: the example application on a framework.

use std::{
    net::{SocketAddr, TcpListener},
    thread,
};

use actix_web::{
    App, HttpServer,
    body::MessageBody,
    dev::{ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse},
};
use axum::Router;
use example_app::{Metrics, Site};
use tokio::{runtime, task::JoinHandle};
use tracing::{Dispatch, dispatcher};

/// A web framework.
#[derive(Debug, Clone, Copy)]
pub(super) enum Framework {
    Axum,
    Actix,
}

/// A server on a free port. Dropping it stops the server.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    running: Running,
}

enum Running {
    Axum(JoinHandle<()>),
    Actix(ServerHandle),
}

impl Server {
    pub(super) fn start(framework: Framework, site: Site) -> Self {
        Self::start_with(|listener| match framework {
            Framework::Axum => serve_by_axum(listener, example_axum::app(site)),
            Framework::Actix => serve_by_actix(listener, move || example_actix::app(site.clone())),
        })
    }

    /// Starts a server for scrapes.
    pub(super) fn start_metrics(framework: Framework, metrics: Metrics) -> Self {
        Self::start_with(|listener| match framework {
            Framework::Axum => serve_by_axum(listener, example_axum::metrics(metrics)),
            Framework::Actix => serve_by_actix(listener, move || {
                App::new().configure(example_actix::metrics(metrics.clone()))
            }),
        })
    }

    fn start_with(serve: impl FnOnce(TcpListener) -> Running) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let running = serve(listener);
        Self { address, running }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        match &self.running {
            Running::Axum(task) => task.abort(),
            Running::Actix(server) => drop(server.stop(false)),
        }
    }
}

fn serve_by_axum(listener: TcpListener, app: Router) -> Running {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    Running::Axum(tokio::spawn(async move {
        axum::serve(listener, app).await.expect("serve");
    }))
}

/// Actix has a thread for each worker. Their log lines go to the subscriber of the test's thread.
fn serve_by_actix<T, B>(listener: TcpListener, app: impl Fn() -> App<T> + Clone + Send + 'static) -> Running
where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = actix_web::Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    let dispatch = dispatcher::get_default(Dispatch::clone);
    let app = move || {
        // The worker keeps the subscriber until its thread ends.
        std::mem::forget(dispatcher::set_default(&dispatch));
        app()
    };
    let server = HttpServer::new(app).workers(2).disable_signals();
    let server = server.listen(listener).expect("a listener").run();
    let handle = server.handle();
    thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(server).expect("serve");
    });
    Running::Actix(handle)
}
