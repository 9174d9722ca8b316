// SPDX-License-Identifier: GPL-2.0-or-later

//! The configuration of the lab's nodes: a usual one of a cluster on one host, where all nodes share
//! a registrar.

use crate::cdr;
use crate::network::{Network, SIP};
use crate::registrar::{Phones, Registrar};

/// The port of the remote manager.
pub const MANAGER: u16 = 5038;

/// A test's own settings of the nodes, beside the usual ones.
#[derive(Default)]
pub struct Wishes {
    /// `clustering.conf` has no section on security: as for the stock module.
    pub stock: bool,
    /// Of `clustering.conf`; counts before the usual ones.
    pub clustering: String,
    /// Lines of `regexroute.conf`, for numbers that are no user's.
    pub dialplan: String,
    /// Lines of the general section of `ysipchan.conf`; count before the usual ones.
    pub sip: String,
    /// Sections of `ysipchan.conf`.
    pub listeners: String,
    /// The number of phones that a user may have.
    pub phones: Phones,
    /// The registrar's query that ends a registration, instead of the documented one.
    pub unregister: Option<String>,
}

/// The files of a node's configuration. `NET` in a wish is the network, `ADDRESS` the node's address.
pub fn files(
    wishes: &Wishes,
    registrar: &Registrar,
    network: &Network,
    node: &str,
) -> Vec<(&'static str, String)> {
    let net = network.prefix();
    let address = network.node(node);
    let Wishes {
        stock,
        clustering,
        dialplan,
        sip,
        listeners,
        phones,
        unregister,
    } = wishes;
    let security = if *stock {
        ""
    } else {
        "[security]\ntrusted=NET.0/29\n"
    };
    let mut files = vec![
        (
            "clustering.conf",
            format!(
                "{clustering}\n[general]\nregexp=^node\\([0-9]\\)$\n\
                 callto=sip/sip:cluster/@NET.\\1:{SIP}\n{security}"
            ),
        ),
        (
            "ysipchan.conf",
            format!(
                "[general]\n{sip}addr={address}\nport={SIP}\nrtp_localip={address}\nudp_force_bind=no\n\
                 generate=yes\n[registrar]\nauth_required=no\nexpires_min=1\n\
                 [message]\nenable=yes\nauth_required=no\n\
                 [listener tcp]\nenable=yes\ntype=tcp\naddr={address}\nport={SIP}\n{listeners}"
            ),
        ),
        ("regexroute.conf", format!("[default]\n{dialplan}\n")),
        (
            "cdrfile.conf",
            format!(
                "[general]\nfile=${{configpath}}/{}\nformat={}\n",
                cdr::FILE,
                cdr::format()
            ),
        ),
        (
            "rmanager.conf",
            format!("[general]\naddr={address}\nport={MANAGER}\nheader=\ngoodbye=\ntelnet=no\n"),
        ),
        ("yate.conf", "[general]\n".to_owned()),
    ];
    files.extend(registrar.files(*phones, unregister.as_deref()));
    let address = address.to_string();
    let file =
        |(name, text): (_, String)| (name, text.replace("NET", &net).replace("ADDRESS", &address));
    files.into_iter().map(file).collect()
}
