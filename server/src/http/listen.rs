//! The socket: where we may listen, how many may connect, and how long a slow client is waited for.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Open connections: one file descriptor each, within the usual limit of 1,024 with room for the logs.
const MAX_CONNECTIONS: usize = 512;
/// A request's head must be here in this time, and an idle connection is closed after it.
const HEAD_TIME: Duration = Duration::from_secs(20);
/// A connection lives no longer than this, however slowly its client reads; a browser opens the next one by itself.
const CONNECTION_TIME: Duration = Duration::from_secs(600);
/// Open answers may be finished for this long when the server stops.
const SHUTDOWN_TIME: Duration = Duration::from_secs(3);
/// After a failed accept (no file descriptors left, say): the loop must survive it and not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Listens on a loopback address and refuses any other.
pub async fn bind(address: SocketAddr) -> Result<TcpListener> {
    if !address.ip().is_loopback() {
        bail!(
            "cannot listen on {address}: without accounts everyone who reaches the server sees everything, so it \
             listens on a loopback address alone (127.0.0.1 or [::1]); reach it from elsewhere through an SSH tunnel"
        );
    }
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

/// Serves until `stop` is done, then lets open answers finish for a moment.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            () = &mut stop => break,
        };
        let (stream, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that breaks off is no news.
            let _ = tokio::time::timeout(CONNECTION_TIME, connection).await;
            drop(permit);
        });
    }
    let _ = tokio::time::timeout(SHUTDOWN_TIME, graceful.shutdown()).await;
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    // An answer's last packet must not wait for the acknowledgement of the one before.
    stream.set_nodelay(true)?;
    Ok((stream, permit))
}
