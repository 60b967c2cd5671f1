//! One connection through the proxy.

use std::{io, sync::Arc};

use fastrand::Rng;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    task::JoinSet,
};

use super::{
    Direction, Fault, Firing, Shared,
    frame::{fatal_error, message_length, read_startup},
};

/// Accepts connections until this future is dropped, which also ends the connections.
pub(super) async fn accept(listener: TcpListener, server: String, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((client, _)) = listener.accept() => {
                connections.spawn(connect(client, server.clone(), Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Relays a connection until it ends. An error on one side closes the other side too: a proxy has no other way to report
/// the error.
async fn connect(mut client: TcpStream, server: String, shared: Arc<Shared>) -> io::Result<()> {
    let number = {
        let counts = &mut shared.state().counts;
        counts.connections += 1;
        counts.connections
    };
    let startup = read_startup(&mut client).await?;
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    server.write_all(&startup).await?;
    let end = relay_both(&mut client, &mut server, &shared, number).await;
    if matches!(end, Err(End::Reset)) {
        client.set_zero_linger()?;
        server.set_zero_linger()?;
    }
    Ok(())
}

/// The reason for which a connection ended early.
#[derive(Debug)]
enum End {
    Cut,
    Reset,
    Io,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Io
    }
}

async fn relay_both(
    client: &mut TcpStream,
    server: &mut TcpStream,
    shared: &Arc<Shared>,
    number: u64,
) -> Result<(), End> {
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    tokio::try_join!(
        relay(from_client, to_server, shared.judge(Direction::ToServer, number)),
        relay(from_server, to_client, shared.judge(Direction::ToClient, number)),
    )?;
    Ok(())
}

/// Relays the messages of one direction until the sender closes it.
async fn relay(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, mut judge: Judge) -> Result<(), End> {
    let mut buffer = Vec::new();
    while from.read_buf(&mut buffer).await? > 0 {
        let (mut sent, mut judged) = (0, 0);
        while let Some(length) = message_length(&buffer[judged..])? {
            let message = &buffer[judged..judged + length];
            if let Some(verdict) = judge.verdict(message) {
                to.write_all(&buffer[sent..judged]).await?;
                if !deliver(message, verdict, &mut to).await? {
                    return swallow(from).await;
                }
                sent = judged + length;
            }
            judged += length;
        }
        to.write_all(&buffer[sent..judged]).await?;
        buffer.drain(..judged);
    }
    to.shutdown().await?;
    Ok(())
}

/// Passes a message on with its fault. False if the rest of this direction must be discarded.
async fn deliver(message: &[u8], verdict: Verdict, to: &mut WriteHalf<'_>) -> Result<bool, End> {
    let mut piece = message.len();
    match verdict.fault {
        Fault::Delay(time) => tokio::time::sleep(time).await,
        Fault::Hold => verdict.firing.released().await,
        Fault::Split(size) => piece = size.max(1),
        Fault::Cut => return Err(End::Cut),
        Fault::Reset => return Err(End::Reset),
        Fault::Blackhole => return Ok(false),
        Fault::Fatal => {
            to.write_all(&fatal_error()).await?;
            return Err(End::Cut);
        }
    }
    for piece in message.chunks(piece) {
        to.write_all(piece).await?;
        // Gives the reader a chance to read this piece separately.
        tokio::task::yield_now().await;
    }
    Ok(true)
}

async fn swallow(mut from: ReadHalf<'_>) -> Result<(), End> {
    tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    Ok(())
}

/// Selects the faults of the messages in one direction of a connection.
#[derive(Debug)]
pub(super) struct Judge {
    shared: Arc<Shared>,
    direction: Direction,
    random: Rng,
}

#[derive(Debug)]
struct Verdict {
    fault: Fault,
    firing: Firing,
}

impl Judge {
    pub(super) fn new(shared: Arc<Shared>, direction: Direction, random: Rng) -> Self {
        Self {
            shared,
            direction,
            random,
        }
    }

    fn verdict(&mut self, message: &[u8]) -> Option<Verdict> {
        let mut state = self.shared.state();
        let faults = state.faults;
        // Draws even if a rule fires, so that a rule does not change the random faults after it.
        let drawn = faults
            .draw(&mut self.random)
            .map(|fault| (fault, Firing::default()));
        let ruled = state
            .rules
            .iter_mut()
            .find_map(|rule| rule.fires(self.direction, message));
        let (fault, firing) = ruled.or(drawn)?;
        let counts = &mut state.counts;
        let count = match fault {
            Fault::Delay(_) => &mut counts.delays,
            Fault::Hold => &mut counts.holds,
            Fault::Split(_) => &mut counts.splits,
            Fault::Cut | Fault::Fatal => &mut counts.cuts,
            Fault::Reset => &mut counts.resets,
            Fault::Blackhole => &mut counts.blackholes,
        };
        *count += 1;
        Some(Verdict { fault, firing })
    }
}
