// SPDX-License-Identifier: GPL-2.0-or-later

//! The link between a phone and its node: datagrams, or a connection that the phone has made.

use std::fmt::{self, Display, Formatter};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, SocketAddrV4, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};

use engine_process::{PATIENCE, patiently};
use rustls::{ClientConfig, ClientConnection};
use socket2::{Domain, Socket, Type};

use crate::network::Network;
use crate::sip::SipMessage;

/// The transport of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A connection.
    Tcp,
    /// An encrypted connection.
    Tls,
}

impl Transport {
    /// The address at which a node listens for it.
    pub fn of(self, network: &Network, node: &str) -> SocketAddrV4 {
        match self {
            Self::Udp | Self::Tcp => network.sip(node),
            Self::Tls => network.tls(node),
        }
    }
}

impl Display for Transport {
    /// Its name in a `Via` header.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        })
    }
}

/// A socket, with the way that messages go over it.
pub struct Link {
    /// Its transport.
    pub transport: Transport,
    /// Its own end.
    pub local: SocketAddrV4,
    socket: Way,
}

enum Way {
    Datagrams(UdpSocket),
    Connection(TcpStream),
    Encrypted(TcpStream, Box<Mutex<ClientConnection>>),
}

impl Link {
    /// Datagrams from an address.
    pub fn datagrams(local: SocketAddrV4) -> Self {
        let socket = UdpSocket::bind(local).expect("the lab has the network for itself");
        Self {
            transport: Transport::Udp,
            local,
            socket: Way::Datagrams(socket),
        }
    }

    /// A connection from an address, encrypted if the other end's certificate is to be checked.
    pub fn connect(local: SocketAddrV4, to: SocketAddrV4, tls: Option<Arc<ClientConfig>>) -> Self {
        // A node that has just started may listen a moment later.
        let stream = patiently(
            || connect(local, to).ok(),
            || format!("nobody listens at {to}"),
        );
        let (transport, socket) = match tls {
            None => (Transport::Tcp, Way::Connection(stream)),
            Some(config) => {
                let name = SocketAddr::from(to).ip().into();
                let mut tls = ClientConnection::new(config, name).expect("an address is a name");
                let shaken = tls.complete_io(&mut &stream);
                shaken.expect("the node has the certificate that the lab gave it");
                (
                    Transport::Tls,
                    Way::Encrypted(stream, Box::new(Mutex::new(tls))),
                )
            }
        };
        Self {
            transport,
            local,
            socket,
        }
    }

    /// Sends a message; over a connection there is but one to send it to.
    pub fn send(&self, text: &str, to: SocketAddr) -> io::Result<()> {
        match &self.socket {
            Way::Datagrams(socket) => socket.send_to(text.as_bytes(), to).map(drop),
            Way::Connection(stream) => (&mut &*stream).write_all(text.as_bytes()),
            Way::Encrypted(stream, tls) => {
                let mut tls = tls.lock().unwrap();
                tls.writer().write_all(text.as_bytes())?;
                while tls.wants_write() {
                    tls.write_tls(&mut &*stream)?;
                }
                Ok(())
            }
        }
    }

    /// Hands over each message that comes, with its sender, until the link is closed by either end.
    pub fn read(&self, mut take: impl FnMut(SipMessage, SocketAddr)) {
        match &self.socket {
            Way::Datagrams(socket) => {
                let mut buffer = vec![0; 65_536];
                while let Ok((length @ 1.., from)) = socket.recv_from(&mut buffer) {
                    if let Some(message) = SipMessage::parse(&buffer[..length]) {
                        take(message, from);
                    }
                }
            }
            Way::Connection(stream) | Way::Encrypted(stream, _) => {
                let from = stream.peer_addr().expect("it is connected");
                let mut bytes = Vec::new();
                while let Ok(true) = self.more(stream, &mut bytes) {
                    while let Some((message, length)) = SipMessage::first(&bytes) {
                        bytes.drain(..length);
                        take(message, from);
                    }
                }
            }
        }
    }

    /// Closes it, so that a reader comes back.
    pub fn close(&self) {
        // The other end may have closed it before.
        let _ = match &self.socket {
            Way::Datagrams(socket) => socket.send_to(&[], self.local).map(drop),
            Way::Connection(stream) | Way::Encrypted(stream, _) => stream.shutdown(Shutdown::Both),
        };
    }

    /// Waits for more bytes of a connection; `false` at its end.
    fn more(&self, stream: &TcpStream, bytes: &mut Vec<u8>) -> io::Result<bool> {
        let mut buffer = vec![0; 65_536];
        let Way::Encrypted(_, tls) = &self.socket else {
            let length = (&mut &*stream).read(&mut buffer)?;
            bytes.extend_from_slice(&buffer[..length]);
            return Ok(length > 0);
        };
        // Waits without the lock, so that meanwhile others can send.
        if stream.peek(&mut [0])? == 0 {
            return Ok(false);
        }
        let mut tls = tls.lock().unwrap();
        tls.read_tls(&mut &*stream)?;
        tls.process_new_packets().map_err(io::Error::other)?;
        match tls.reader().read(&mut buffer) {
            Ok(length) => {
                bytes.extend_from_slice(&buffer[..length]);
                Ok(length > 0)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
            Err(error) => Err(error),
        }
    }
}

fn connect(local: SocketAddrV4, to: SocketAddrV4) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // The same end may have been another connection's a moment ago.
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.bind(&SocketAddr::from(local).into())?;
    socket.connect_timeout(&SocketAddr::from(to).into(), PATIENCE)?;
    Ok(socket.into())
}
