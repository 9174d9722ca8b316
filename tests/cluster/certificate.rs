// SPDX-License-Identifier: GPL-2.0-or-later

//! The certificates of the lab: an authority of its own, and its certificates for the nodes.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::{ClientConfig, RootCertStore};

/// An authority that certifies the addresses of nodes.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// An authority that nobody else trusts.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = name("the authority of the lab");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("there are random numbers");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("the parameters are good");
        Self { issuer }
    }

    /// A certificate for an address, and the key to it, as one text in PEM.
    pub fn certificate(&self, address: Ipv4Addr) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name = name(&address.to_string());
        params.subject_alt_names = vec![SanType::IpAddress(IpAddr::V4(address))];
        let key = KeyPair::generate().expect("there are random numbers");
        let certificate = params.signed_by(&key, &self.issuer);
        let certificate = certificate.expect("the parameters are good");
        certificate.pem() + &key.serialize_pem()
    }

    /// Its own certificate in PEM.
    pub fn own_certificate(&self) -> String {
        self.issuer.pem()
    }

    /// The settings of a phone that trusts nobody else.
    pub fn believers(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let root = roots.add(self.issuer.der().clone());
        root.expect("it is a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }
}

/// The name of a certificate's owner. One that has its authority's name is taken for self-signed.
fn name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}
