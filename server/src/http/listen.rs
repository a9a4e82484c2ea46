//! The socket: where we may listen, how many may connect, and how long a slow client is waited for.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::client::{Origins, Peer};
use super::patience::Patient;
use super::places::{Place, Places};
use super::tls::Certificate;
use crate::account::throttle::network;
use crate::settings::Settings;

/// Open connections: one file descriptor each, within the usual limit of 1,024 with room for the logs.
const MAX_CONNECTIONS: usize = 512;
/// Of one address: a browser opens six, and a few people may share it. A proxy that is trusted is not bounded by this.
pub const MAX_OF_ONE_ADDRESS: usize = 128;
/// Of one address when few are left: one browser's, and a script's beside it.
const LEAST_OF_ONE_ADDRESS: usize = 8;
/// With fewer connections left than this it is crowded.
const CROWDED_BELOW: usize = MAX_CONNECTIONS / 4;
/// A request's head must be here in this time, and an idle connection is closed after it.
const HEAD_TIME: Duration = Duration::from_secs(20);
/// The same while it is crowded.
const CROWDED_HEAD_TIME: Duration = Duration::from_secs(3);
/// A client that begins TLS ends beginning it in this time.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// A connection lives no longer than this, however slowly its client reads; a browser opens the next one by itself.
const CONNECTION_TIME: Duration = Duration::from_secs(600);
/// A request's head is no larger: the longest URL has sixteen thousand edges.
const MAX_HEAD_BYTES: usize = 256 * 1024;
/// Open answers may be finished for this long when the server stops.
const SHUTDOWN_TIME: Duration = Duration::from_secs(3);
/// After a failed accept (no file descriptors left, say): the loop must survive it and not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// For a client that has too many connections. Plain text, as the head of its request was not read.
const CROWDED: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// For a client that speaks HTTP where TLS is spoken.
const NO_TLS: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 35\r\nconnection: close\r\n\r\n\
    this port speaks TLS: use https://\n";

/// A socket that is ours, and how it is spoken on.
pub struct Listening {
    listener: TcpListener,
    certificate: Option<Certificate>,
    origins: Origins,
}

/// Listens where the settings say. Beyond this machine only with TLS, or where that was said to be meant.
pub async fn bind(settings: &Settings) -> Result<Listening> {
    let address = settings.listen;
    let certificate = Certificate::load(&settings.http)?;
    if !address.ip().to_canonical().is_loopback() && certificate.is_none() && !settings.http.plain {
        bail!(
            "cannot listen on {address} without TLS: passwords would cross the network in the clear. Name a certificate \
             (http.certificate, http.key), or listen on 127.0.0.1 behind a proxy or an SSH tunnel; http.plain = true or \
             --plain-http says that it is meant"
        );
    }
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    Ok(Listening { listener, certificate, origins: Origins::new(settings) })
}

impl Listening {
    /// The address, with the port that the system chose where none was asked for.
    pub fn address(&self) -> Result<SocketAddr> {
        self.listener.local_addr().context("cannot tell the address")
    }

    pub fn scheme(&self) -> &'static str {
        if self.certificate.is_some() { "https" } else { "http" }
    }
}

/// Serves until `stop` is done, then lets open answers finish for a moment.
pub async fn serve(listening: Listening, router: Router, stop: impl Future<Output = ()>) {
    let Listening { listener, certificate, origins } = listening;
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let crowd = Places::default();
    let graceful = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            () = &mut stop => break,
        };
        let (mut stream, address, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let left = connections.available_permits();
        let head_time = if left < CROWDED_BELOW { CROWDED_HEAD_TIME } else { HEAD_TIME };
        let Some(place) = place(&crowd, address, origins.trusts(address), left) else {
            // Where TLS is spoken there are no words for it.
            if certificate.is_none() {
                tokio::spawn(async move {
                    let _ = timeout(ACCEPT_PAUSE, stream.write_all(CROWDED)).await;
                });
            }
            continue;
        };
        let acceptor = certificate.as_ref().map(Certificate::acceptor);
        let (router, watcher) = (router.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _held = (permit, place);
            let peer = Peer { address, tls: acceptor.is_some() };
            match acceptor {
                None => talk(Patient::new(stream), peer, head_time, router, watcher).await,
                Some(acceptor) => {
                    // Someone who speaks no TLS is no news.
                    if let Ok(Ok(stream)) = timeout(HANDSHAKE_TIME, begin_tls(acceptor, stream)).await {
                        talk(Patient::new(stream), peer, head_time, router, watcher).await;
                    }
                }
            }
        });
    }
    let _ = timeout(SHUTDOWN_TIME, graceful.shutdown()).await;
}

/// Begins TLS. A browser that was sent here with `http://` is told so, in the words that it understands.
async fn begin_tls(acceptor: TlsAcceptor, mut stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase() {
        stream.write_all(NO_TLS).await?;
        stream.shutdown().await?;
        // What it sent is taken, so that the answer is not lost in a reset.
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        return Err(io::ErrorKind::InvalidData.into());
    }
    acceptor.accept(stream).await
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    head_time: Duration,
    router: Router,
    watcher: Watcher,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_time)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    // A client that breaks off is no news.
    let _ = timeout(CONNECTION_TIME, watcher.watch(connection)).await;
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> io::Result<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    // An answer's last packet must not wait for the acknowledgement of the one before.
    stream.set_nodelay(true)?;
    Ok((stream, address.ip().to_canonical(), permit))
}

/// A place for one more connection of an address, which has at most half as many as are `left`: the more come, the fewer
/// each may have, so that a few cannot take all.
fn place(crowd: &Places<IpAddr>, address: IpAddr, is_trusted: bool, left: usize) -> Option<Place<IpAddr>> {
    let most = (left / 2).clamp(LEAST_OF_ONE_ADDRESS, MAX_OF_ONE_ADDRESS);
    crowd.take(network(address), if is_trusted { usize::MAX } else { most })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_does_not_take_every_connection() {
        // FAULTS 87
        let crowd = Places::default();
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let more = |address, is_trusted| place(&crowd, address, is_trusted, MAX_CONNECTIONS);
        let mut places: Vec<_> = (0..MAX_OF_ONE_ADDRESS).map(|_| more(one, false).expect("room")).collect();
        assert!(more(one, false).is_none());
        assert!(more(other, false).is_some() && more(one, true).is_some());
        places.pop();
        assert!(more(one, false).is_some());
    }

    #[test]
    fn a_few_addresses_do_not_take_every_connection() {
        // FAULTS 87
        let crowd = Places::default();
        let mut places = Vec::new();
        for nth in 1..=8 {
            let address = IpAddr::from([192, 0, 2, nth]);
            while let Some(place) = place(&crowd, address, false, MAX_CONNECTIONS - places.len()) {
                places.push(place);
            }
        }
        let left = MAX_CONNECTIONS - places.len();
        assert!(left >= LEAST_OF_ONE_ADDRESS, "{left}");
        assert!(place(&crowd, IpAddr::from([198, 51, 100, 1]), false, left).is_some());
    }
}
