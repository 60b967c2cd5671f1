//! [`Relay`]: a slow network between a benchmark and its server. [`Counter`]: a count of the round trips.

use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    process::{Child, Command},
    sync::mpsc,
    time::Instant,
};

/// A process that relays connections to a server and delays each answer. With a delay of 0, there is no process.
#[derive(Debug)]
pub struct Relay {
    url: String,
    _process: Option<Child>,
}

impl Relay {
    /// Starts the current program a second time, with the arguments `relay ADDRESS MILLISECONDS`. For these arguments
    /// the program has to call [`serve`]. `delay` is in milliseconds.
    ///
    /// # Panics
    /// If the process does not start.
    pub async fn start(url: &str, delay: u64) -> Self {
        if delay == 0 {
            return Self {
                url: url.to_owned(),
                _process: None,
            };
        }
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["relay", &address(url), &delay.to_string()])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = process.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).await.unwrap();
        Self {
            url: url.replace(&address(url), line.trim()),
            _process: Some(process),
        }
    }

    /// Returns the URL of the server through the relay.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Returns a URL's host and port.
fn address(url: &str) -> String {
    let rest = url.split_once("://").expect("a URL").1;
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    authority.rsplit('@').next().unwrap_or(authority).to_owned()
}

/// Prints its address, and relays connections until the process is killed.
///
/// # Panics
/// If there is no free port.
#[allow(
    clippy::print_stdout,
    reason = "the address is for the process that started this one"
)]
pub async fn serve(server: String, delay: Duration) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    accept(listener, server, delay, Arc::default()).await;
}

/// Counts the round trips of connections to a server.
#[derive(Debug)]
pub struct Counter {
    url: String,
    trips: Arc<AtomicU64>,
}

impl Counter {
    /// Starts a counter in this process.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start(url: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let local = listener.local_addr().unwrap().to_string();
        let trips = Arc::<AtomicU64>::default();
        tokio::spawn(accept(listener, address(url), Duration::ZERO, Arc::clone(&trips)));
        Self {
            url: url.replace(&address(url), &local),
            trips,
        }
    }

    /// Returns the URL of the server through the counter.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the number of round trips until now.
    #[must_use]
    pub fn trips(&self) -> u64 {
        self.trips.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, server: String, delay: Duration, trips: Arc<AtomicU64>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(&server).await.unwrap();
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::spawn(carry_requests(from_client, to_server, Arc::clone(&trips)));
        tokio::spawn(carry_late(from_server, to_client, delay));
    }
}

/// Relays the client's data, and counts each read as a round trip: a client sends, then waits for the answer.
async fn carry_requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, trips: Arc<AtomicU64>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        trips.fetch_add(1, Ordering::SeqCst);
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

async fn carry_late(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let (sender, mut receiver) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let sending = tokio::spawn(async move {
        while let Some((at, bytes)) = receiver.recv().await {
            if !delay.is_zero() {
                tokio::time::sleep_until(at).await;
            }
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let late = (Instant::now() + delay, buffer[..read].to_vec());
        if sender.send(late).is_err() {
            break;
        }
    }
    drop(sender);
    let _ = sending.await;
}
