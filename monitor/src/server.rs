// SPDX-License-Identifier: GPL-2.0-or-later

//! Serves the state of the cluster by HTTP: to read, and nothing else.
//!
//! Whoever connects may be slow, many or hostile. So connections are limited in number and in time, requests in
//! size, and an answer is made once for each state of the cluster, however many ask.

use std::convert::Infallible;
use std::fs::Permissions;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use base64ct::{Base64, Encoding};
use ctutils::CtEq;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap,
    HeaderName, HeaderValue, REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use crate::cluster::Cluster;
use crate::{metrics, page};

/// The most connections at a time. One more is closed at once.
pub const CONNECTIONS: usize = 128;
/// The time in which a request must have come, and in which the next one must.
pub const REQUEST: Duration = Duration::from_secs(5);
/// The time after which a connection ends, whatever it does.
pub const CONNECTION: Duration = Duration::from_secs(30);
/// The most bytes of a request's head.
pub const HEAD: usize = 16 * 1024;
/// The most headers of a request.
pub const HEADERS: usize = 64;

/// The policy for a browser: what the page needs comes from here, and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TEXT: &str = "text/plain; charset=utf-8";

/// The place where requests come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// The state of the cluster, and the answers that were made of it.
#[derive(Debug, Default)]
struct Rendered {
    cluster: Arc<Cluster>,
    page: OnceLock<Bytes>,
    json: OnceLock<Bytes>,
    metrics: OnceLock<Bytes>,
}

/// What is served.
#[derive(Debug)]
pub struct Served {
    state: Mutex<Arc<Rendered>>,
    /// `Authorization` as whoever is let in sends it; `None` where everybody is.
    login: Option<Vec<u8>>,
    /// The host names that a request may be for; `None` for any.
    hosts: Option<Vec<String>>,
}

impl Served {
    /// Serves a cluster of which nothing is known yet. `login` is a name and a password with a colon between. `hosts`
    /// are the names that a browser may know this program by, besides addresses and `localhost`; `None` for any name.
    #[must_use]
    pub fn new(login: Option<&str>, hosts: Option<Vec<String>>) -> Self {
        let login = login.map(|login| Base64::encode_string(login.as_bytes()).into_bytes());
        Self {
            state: Mutex::default(),
            login,
            hosts,
        }
    }

    /// Serves this state from now on.
    pub fn publish(&self, cluster: Cluster) {
        let rendered = Rendered {
            cluster: Arc::new(cluster),
            ..Rendered::default()
        };
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(rendered);
    }

    fn state(&self) -> Arc<Rendered> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a request may see anything.
    fn is_let_in(&self, headers: &HeaderMap) -> bool {
        let Some(login) = &self.login else {
            return true;
        };
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (Some(given), None) = (given.next(), given.next()) else {
            return false;
        };
        let Some((scheme, given)) = given.as_bytes().split_at_checked(6) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(b"basic ") && given.trim_ascii().ct_eq(login).to_bool()
    }

    /// Whether a request is for this server by one of its names. A page of somebody else's, whose name was made to
    /// lead here, could read all of it otherwise.
    fn is_for_here(&self, headers: &HeaderMap) -> bool {
        let Some(hosts) = &self.hosts else {
            return true;
        };
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let Some(host) = host else {
            return false;
        };
        let host = match host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => host,
        };
        let address = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        address.unwrap_or(host).parse::<IpAddr>().is_ok()
            || host.eq_ignore_ascii_case("localhost")
            || hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }

    /// The answer to a request.
    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let headers = request.headers();
        if !self.is_for_here(headers) {
            return plain(
                StatusCode::MISDIRECTED_REQUEST,
                "This server has another name; see --name\n",
            );
        }
        if !self.is_let_in(headers) {
            let mut response = plain(
                StatusCode::UNAUTHORIZED,
                "A name and a password are needed\n",
            );
            let realm = HeaderValue::from_static(
                "Basic realm=\"yate-clustering-monitor\", charset=\"UTF-8\"",
            );
            response.headers_mut().insert(WWW_AUTHENTICATE, realm);
            return response;
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut response = plain(
                StatusCode::METHOD_NOT_ALLOWED,
                "This server is to read only\n",
            );
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let state = self.state();
        let cluster = &state.cluster;
        let once = |cell: &OnceLock<Bytes>, make: &dyn Fn() -> Vec<u8>| {
            cell.get_or_init(|| make().into()).clone()
        };
        let path = request.uri().path();
        let (kind, body) = match path {
            "/" => {
                let make = || page::render(cluster).into_bytes();
                ("text/html; charset=utf-8", once(&state.page, &make))
            }
            "/api/cluster" => {
                let make = || serde_json::to_vec(&**cluster).unwrap_or_default();
                ("application/json", once(&state.json, &make))
            }
            "/metrics" => {
                let make = || metrics::render(cluster).into_bytes();
                (metrics::CONTENT_TYPE, once(&state.metrics, &make))
            }
            _ => match page::ASSETS.iter().find(|(asset, ..)| *asset == path) {
                Some(&(_, kind, contents)) => (kind, Bytes::from_static(contents)),
                None => return plain(StatusCode::NOT_FOUND, "There is no such page\n"),
            },
        };
        response(StatusCode::OK, kind, body)
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    response(status, TEXT, Bytes::from_static(text.as_bytes()))
}

fn response(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A place that is open.
#[derive(Debug)]
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A Unix socket.
    Unix(UnixListener),
}

impl Listener {
    /// Opens a place. A Unix socket that a former run has left there is replaced.
    ///
    /// # Errors
    ///
    /// Somebody else is there, or this program may not be.
    pub async fn open(place: &Place) -> io::Result<Self> {
        match place {
            Place::Tcp(address) => Ok(Self::Tcp(TcpListener::bind(address).await?)),
            Place::Unix(path) => {
                let is_old = std::os::unix::net::UnixStream::connect(path)
                    .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
                if is_old {
                    std::fs::remove_file(path)?;
                }
                let listener = UnixListener::bind(path)?;
                // For a proxy of the same group.
                std::fs::set_permissions(path, Permissions::from_mode(0o660))?;
                Ok(Self::Unix(listener))
            }
        }
    }

    /// The address of a TCP port.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// Serves whoever connects, for ever.
    pub async fn serve(self, served: Arc<Served>) {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            // The permit is taken before the connection, which is closed if there is none.
            let accepted = match &self {
                Self::Tcp(listener) => listener.accept().await.map(|(stream, _)| {
                    start(stream, Arc::clone(&room).try_acquire_owned().ok(), &served);
                }),
                Self::Unix(listener) => listener.accept().await.map(|(stream, _)| {
                    start(stream, Arc::clone(&room).try_acquire_owned().ok(), &served);
                }),
            };
            if accepted.is_err() {
                // Without file descriptors it would fail again and again.
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Serves a connection, if it has a permit, in a task of its own.
fn start(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    permit: Option<OwnedSemaphorePermit>,
    served: &Arc<Served>,
) {
    let Some(permit) = permit else {
        return;
    };
    let served = Arc::clone(served);
    tokio::spawn(async move {
        let service = service_fn(|request: Request<Incoming>| {
            let response = served.answer(&request);
            async { Ok::<_, Infallible>(response) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(REQUEST)
            .max_buf_size(HEAD)
            .max_headers(HEADERS)
            .serve_connection(TokioIo::new(stream), service);
        // An error is the client's.
        let _ = timeout(CONNECTION, connection).await;
        drop(permit);
    });
}
