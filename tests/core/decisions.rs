// SPDX-License-Identifier: GPL-2.0-or-later

//! What the core decides, in plain Rust: settings and a message in, the changed message out.

#[path = "decisions/counting.rs"]
mod counting;
#[path = "decisions/forwarding.rs"]
mod forwarding;
#[path = "decisions/instant_messages.rs"]
mod instant_messages;
#[path = "decisions/locating.rs"]
mod locating;
mod node;
#[path = "decisions/properties.rs"]
mod properties;
#[path = "decisions/receiving.rs"]
mod receiving;
#[path = "decisions/records.rs"]
mod records;
#[path = "decisions/settings.rs"]
mod settings;
