// SPDX-License-Identifier: GPL-2.0-or-later

//! The configuration of the lab's nodes: a usual one of a cluster on one host, where all nodes share
//! a registrar in one `SQLite` file.

use crate::cdr;
use crate::network::{Network, SIP};

/// The port of the remote manager.
pub const MANAGER: u16 = 5038;

/// What a test has to say about the nodes beside the usual.
#[derive(Default)]
pub struct Wishes {
    /// Of `clustering.conf`; counts before what is usual.
    pub clustering: String,
    /// Lines of `regexroute.conf`, for numbers that are no user's.
    pub dialplan: String,
    /// Lines of the general section of `ysipchan.conf`; count before what is usual.
    pub sip: String,
}

/// The files of a node's configuration. `NET` in a wish is the network.
pub fn files(wishes: &Wishes, network: &Network, node: &str) -> Vec<(&'static str, String)> {
    let net = network.prefix();
    let address = network.node(node);
    let Wishes {
        clustering,
        dialplan,
        sip,
    } = wishes;
    let files = vec![
        (
            "clustering.conf",
            format!(
                "{clustering}\n[general]\nregexp=^node\\([0-9]\\)$\n\
                 callto=sip/sip:cluster/@NET.\\1:{SIP}\n[security]\ntrusted=NET.0/29\n"
            ),
        ),
        (
            "ysipchan.conf",
            format!(
                "[general]\n{sip}addr={address}\nport={SIP}\nrtp_localip={address}\nudp_force_bind=no\n\
                 generate=yes\n[registrar]\nauth_required=no\n[message]\nenable=yes\nauth_required=no\n"
            ),
        ),
        ("regexroute.conf", format!("[default]\n{dialplan}\n")),
        (
            "sqlitedb.conf",
            "[registrar]\ndatabase=${configpath}/../registrar.db\n\
             initialize=PRAGMA busy_timeout=10000;\
             CREATE TABLE IF NOT EXISTS users(username TEXT PRIMARY KEY,location TEXT)\n"
                .to_owned(),
        ),
        (
            "register.conf",
            "[general]\nuser.register=yes\nuser.unregister=yes\ncall.route=yes\n\
             [default]\naccount=registrar\n\
             [user.register]\n\
             query=INSERT OR REPLACE INTO users VALUES('${username}','${data}')\n\
             [user.unregister]\n\
             query=UPDATE users SET location=NULL WHERE username='${username}'\n\
             [call.route]\n\
             query=SELECT location FROM users WHERE username='${called}'\nresult=location\n"
                .to_owned(),
        ),
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
    let file = |(name, text): (_, String)| (name, text.replace("NET", &net));
    files.into_iter().map(file).collect()
}
