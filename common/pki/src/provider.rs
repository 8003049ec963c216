//! The algorithms of TLS, and of signatures, that this program accepts.

use std::sync::{Arc, LazyLock};

use rustls::crypto::CryptoProvider;

/// The one set of algorithms of fedflow, TLS 1.3 only; no process-wide default is ever consulted.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        let mut provider = rustls::crypto::ring::default_provider();
        provider
            .cipher_suites
            // TLS 1.2 has no place here: both ends are ours, and its renegotiation and ciphers are
            // only risk.
            .retain(|suite| suite.tls13().is_some());
        Arc::new(provider)
    });
    PROVIDER.clone()
}
