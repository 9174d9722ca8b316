// SPDX-License-Identifier: GPL-2.0-or-later

//! `yate-clustering-monitor`: serves a page of the cluster.

use yate_clustering_monitor::cluster::Cluster;
use yate_clustering_monitor::page::render;

fn main() {
    print!("{}", render(&Cluster::default()));
}
