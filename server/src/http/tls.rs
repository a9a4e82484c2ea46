//! TLS by rustls, with certificate files that are read again when they are renewed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::settings::HttpSettings;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// The cryptography behind TLS, here and towards the IMAP server.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The certificate as it is on disk now.
pub struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    current: Mutex<Current>,
}

struct Current {
    acceptor: TlsAcceptor,
    /// When the files were written that it was made from.
    written: Option<SystemTime>,
    looked: Instant,
}

impl Certificate {
    /// `None` where the settings name no certificate. Files that cannot be used are an error at start.
    pub fn load(settings: &HttpSettings) -> Result<Option<Certificate>> {
        let (Some(certificate), Some(key)) = (&settings.certificate, &settings.key) else { return Ok(None) };
        let acceptor = acceptor(certificate, key)?;
        let current = Current { acceptor, written: written(certificate), looked: Instant::now() };
        Ok(Some(Certificate { certificate: certificate.clone(), key: key.clone(), current: Mutex::new(current) }))
    }

    /// For the next connection. A renewed certificate that cannot be used is said, and the old one goes on.
    pub fn acceptor(&self) -> TlsAcceptor {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.looked.elapsed() >= LOOK_EVERY {
            current.looked = Instant::now();
            let written = written(&self.certificate);
            if written != current.written {
                match acceptor(&self.certificate, &self.key) {
                    Ok(acceptor) => {
                        tracing::info!("the certificate was renewed");
                        (current.acceptor, current.written) = (acceptor, written);
                    }
                    Err(error) => tracing::error!(error = %format!("{error:#}"), "cannot use the renewed certificate"),
                }
            }
        }
        current.acceptor.clone()
    }
}

fn written(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|file| file.modified()).ok()
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("http.certificate: cannot read {}", certificate.display()))?;
    refuse_open_key(key)?;
    let secret =
        PrivateKeyDer::from_pem_file(key).with_context(|| format!("http.key: cannot read {}", key.display()))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .with_context(|| format!("http: cannot use {} with {}", certificate.display(), key.display()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A key that everyone may read is no secret.
fn refuse_open_key(key: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        let mode = std::fs::metadata(key)
            .map(|file| std::os::unix::fs::PermissionsExt::mode(&file.permissions()))
            .with_context(|| format!("http.key: cannot read {}", key.display()))?;
        if mode & 0o007 != 0 {
            bail!("http.key: {} can be read by everyone on this machine (chmod o= it)", key.display());
        }
    }
    Ok(())
}
