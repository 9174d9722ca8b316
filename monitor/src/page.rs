// SPDX-License-Identifier: GPL-2.0-or-later

//! The page of the cluster.

use std::fmt::Write;

use crate::cluster::Cluster;

/// A file that the page needs: its path, its content type, its contents.
pub type Asset = (&'static str, &'static str, &'static [u8]);

/// All files that the page needs. The content security policy lets it have styles, scripts and pictures from here, and
/// nothing that stands in the page itself.
pub const ASSETS: &[Asset] = &[];

/// The page, as HTML: a table of the nodes.
#[must_use]
pub fn render(cluster: &Cluster) -> String {
    let mut page = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Cluster</title>\n\
         <table>\n<tr><th>Node<th>Condition\n",
    );
    for node in &cluster.nodes {
        // Writing to a string doesn't fail.
        let _ = writeln!(
            page,
            "<tr><td>{}<td>{:?}",
            escaped(&node.name),
            node.condition
        );
    }
    page.push_str("</table>\n</html>\n");
    page
}

/// A text as HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
