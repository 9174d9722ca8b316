// SPDX-License-Identifier: GPL-2.0-or-later

//! `yate-clustering-monitor`: serves a page of the cluster, JSON, and metrics for Prometheus.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lexopt::Parser;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use yate_clustering_monitor::console::Console;
use yate_clustering_monitor::options::{Options, Order, USAGE};
use yate_clustering_monitor::server::{Listener, Place, Served};
use yate_clustering_monitor::watch::{Reply, Watch};

/// The seconds since 1970.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

/// Asks the engines again and again, and publishes what they say.
async fn ask(options: &Options, served: &Served) {
    let engines = options.engines.iter();
    let consoles = engines.map(|(address, password)| Console::new(address, password.as_deref()));
    let mut consoles: Vec<_> = consoles.map(Some).collect();
    let addresses = options.engines.iter().map(|(address, _)| address.clone());
    let mut watch = Watch::new(addresses, options.interval);
    served.publish(watch.state(now()));
    let mut errors = vec![None; consoles.len()];
    let mut rounds = interval(options.interval);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        let replies = round(&mut consoles, &errors, options.timeout).await;
        for (at, reply) in replies.iter().enumerate() {
            let error = reply.as_ref().err();
            if error != errors[at].as_ref() {
                let (address, _) = &options.engines[at];
                eprintln!("{address}: {}", error.map_or("answers", String::as_str));
                errors[at] = error.cloned();
            }
        }
        served.publish(watch.round(replies, now()));
    }
}

/// Asks all engines at a time. The replies are in their order.
async fn round(
    consoles: &mut [Option<Console>],
    errors: &[Option<String>],
    patience: Duration,
) -> Vec<Reply> {
    // One that answered knows the loads of all.
    let with_loads = errors.iter().position(Option::is_none).unwrap_or(0);
    let mut tasks = JoinSet::new();
    for (at, place) in consoles.iter_mut().enumerate() {
        if let Some(mut console) = place.take() {
            tasks.spawn(async move {
                let begin = Instant::now();
                let answer = console.ask(patience, at == with_loads).await;
                let reply = answer.map(|answer| (answer, begin.elapsed()));
                (at, console, reply.map_err(|error| error.to_string()))
            });
        }
    }
    let mut replies: Vec<Reply> = Vec::new();
    replies.resize_with(consoles.len(), || Err("internal error".to_owned()));
    while let Some(done) = tasks.join_next().await {
        if let Ok((at, console, reply)) = done {
            consoles[at] = Some(console);
            replies[at] = reply;
        }
    }
    replies
}

/// Serves until it's told to stop.
async fn serve(options: Options) -> io::Result<()> {
    let listener = Listener::open(&options.listen).await?;
    let place = match (&options.listen, listener.address()) {
        (Place::Unix(path), _) => path.display().to_string(),
        (_, address) => address.map_or_else(String::new, |address| format!("http://{address}/")),
    };
    eprintln!("Serving at {place}");
    let served = Arc::new(Served::new(options.login.as_deref(), options.hosts()));
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    tokio::select! {
        () = ask(&options, &served) => {}
        () = listener.serve(Arc::clone(&served)) => {}
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    if let Place::Unix(path) = &options.listen {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let options = match Options::read(Parser::from_env()) {
        Ok(Order::Serve(options)) => options,
        Ok(Order::Help) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Ok(Order::Version) => {
            println!("yate-clustering-monitor {}", clustering::VERSION);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("yate-clustering-monitor: {error}");
            return ExitCode::from(2);
        }
    };
    // One thread is enough; names are looked up in others.
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(8)
        .build();
    match runtime.and_then(|runtime| runtime.block_on(serve(options))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("yate-clustering-monitor: {error}");
            ExitCode::FAILURE
        }
    }
}
