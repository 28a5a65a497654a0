//! What can go wrong with a download.

use std::path::PathBuf;

use crate::ErrorKind;

/// Why a set could not be fetched, besides failures of the disk ([`crate::DataError`]).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The set is known, but cannot be downloaded by this program.
    #[error("`{name}` cannot be fetched: {advice}")]
    NotFetchable {
        /// The set.
        name: String,
        /// Where it comes from instead.
        advice: &'static str,
    },
    /// A downloaded file is not the official one; it was removed.
    #[error(
        "{url} was downloaded but its SHA-256 is {found}, expected {expected}: the file was removed; try again, and if it happens again the file at that address has changed"
    )]
    Checksum {
        /// The address.
        url: String,
        /// The sum of what came.
        found: String,
        /// The sum of the official file.
        expected: String,
    },
    /// An address offers a file of another size; nothing of it was kept.
    #[error(
        "{url} offers {found} bytes, expected {expected}: it is not the official file, and nothing of it was kept"
    )]
    WrongOffer {
        /// The address.
        url: String,
        /// The bytes offered, or sent so far.
        found: u64,
        /// The bytes of the official file.
        expected: u64,
    },
    /// An archive lacks a file that it should hold.
    #[error("{} does not hold {member}: it is not the official archive", .path.display())]
    MissingMember {
        /// The archive.
        path: PathBuf,
        /// The file that is not in it.
        member: String,
    },
    /// A server refused.
    #[error(
        "{url} answered with HTTP status {status}; try again later, or put the files there by hand"
    )]
    Status {
        /// The address.
        url: String,
        /// The status code.
        status: u16,
    },
    /// No connection, or it broke before the first byte.
    #[error("cannot download {url}: {message}; check the network and try again")]
    Unreachable {
        /// The address.
        url: String,
        /// What the network layer says.
        message: String,
    },
    /// A connection broke in the middle of a file.
    #[error(
        "the download of {url} was interrupted after {received} of {expected} bytes; they are kept in {}: run the same command again to continue", .part.display()
    )]
    Interrupted {
        /// The address.
        url: String,
        /// The bytes that are kept.
        received: u64,
        /// The bytes of the whole file.
        expected: u64,
        /// The half file.
        part: PathBuf,
    },
    /// Another process downloads the same file.
    #[error("another process is downloading {}: wait for it to end", .part.display())]
    Busy {
        /// The half file, which that process has locked.
        part: PathBuf,
    },
}

impl FetchError {
    /// The sort of this failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFetchable { .. } => ErrorKind::Usage,
            Self::Checksum { .. } | Self::WrongOffer { .. } | Self::MissingMember { .. } => {
                ErrorKind::BadData
            }
            Self::Status { .. }
            | Self::Unreachable { .. }
            | Self::Interrupted { .. }
            | Self::Busy { .. } => ErrorKind::Io,
        }
    }
}
