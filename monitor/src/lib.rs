// SPDX-License-Identifier: GPL-2.0-or-later

//! Shows a cluster of Yate engines: asks their remote managers, and serves a page, JSON, and metrics for Prometheus.

pub mod cluster;
pub mod console;
pub mod metrics;
pub mod options;
pub mod page;
pub mod server;
pub mod watch;
