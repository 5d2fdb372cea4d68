//! TLS to a collector, whose certificate the system's authorities must have signed; listens for nothing.

use anyhow::Context;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The connection, after the handshake. `SSL_CERT_FILE` names other authorities than the system's; they are
/// read each time, since a batch of spans is rare and the file may be renewed.
pub async fn over(stream: TcpStream, host: &str) -> anyhow::Result<TlsStream<TcpStream>> {
    let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await?;
    let mut roots = RootCertStore::empty();
    let (known, _) = roots.add_parsable_certificates(found.certs);
    if known == 0 {
        let errors = found.errors;
        anyhow::bail!("no certificate authority is known, set SSL_CERT_FILE: {errors:?}");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
    handshake.await.context("the collector's TLS")
}
