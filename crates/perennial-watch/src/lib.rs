//! The local page of a running comparison: a small server that shows what there is and sends what
//! changed, as server-sent events.
//!
//! Whoever starts it says where to look: a function that is asked again and again what the page
//! shows now. The server knows nothing of runs and their folders.
//!
//! ```no_run
//! use perennial_watch::{Shown, bind, serve};
//! # fn look() -> Option<Shown> { None }
//! # let first: Shown = unimplemented!();
//! let listener = bind("127.0.0.1:0".parse()?, false)?;
//! println!("http://{}/", listener.local_addr()?);
//! serve(listener, first, look, || false)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod server;

use std::net::{SocketAddr, TcpListener};

use perennial_report::live::Live;

pub use server::serve;

/// What the page shows at some moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The page and its part that changes.
    pub live: Live,
    /// Whether nothing will change any more: the server ends once it has said so.
    pub last: bool,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// Other machines could reach the address, and nobody said that they may (exit code 2).
    #[error("{address} can be reached from other machines, and the page has no password")]
    NotLoopback {
        /// What was asked for.
        address: SocketAddr,
    },
    /// The system does not give the address (exit code 75 where another program has it).
    #[error("cannot listen at {address}: {source}")]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server broke (exit code 74).
    #[error("the page's server ended: {0}")]
    Server(#[from] std::io::Error),
}

/// Listens at an address; port 0 is any free one. Addresses that are not of this machine alone
/// need `anyone`.
///
/// # Errors
/// [`WatchError::NotLoopback`], [`WatchError::Bind`].
pub fn bind(address: SocketAddr, anyone: bool) -> Result<TcpListener, WatchError> {
    if !anyone && !address.ip().is_loopback() {
        return Err(WatchError::NotLoopback { address });
    }
    let cannot = |source| WatchError::Bind { address, source };
    let listener = TcpListener::bind(address).map_err(cannot)?;
    listener.set_nonblocking(true).map_err(cannot)?;
    Ok(listener)
}
