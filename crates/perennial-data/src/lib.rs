//! Readers of labelled image sets. This crate knows nothing of learning: a set comes in from the
//! program itself ([`digits()`]), from a folder ([`load`], [`load_folder`]) or from its official
//! address ([`fetch`]), and goes out as bytes ([`Dataset`]).
//!
//! ```text
//! addresses ──fetch──► folder ──load──► Dataset { train: Part, test: Part }
//!                        embedded digits ──┘
//! ```
//!
//! Files are not trusted. Every reader checks what a header declares against what the file can
//! hold before it allocates, and every failure is a [`DataError`]: one sentence with the path,
//! what was found, what was expected and what to do.
//!
//! ```
//! let digits = perennial_data::digits()?;
//! assert_eq!(digits.shape, [1, 8, 8]); // [channels, height, width]
//! assert_eq!((digits.train.len(), digits.test.len()), (1442, 355));
//! assert_eq!(digits.train.image(0).map(<[u8]>::len), Some(64)); // a byte a pixel
//! # Ok::<(), perennial_data::DataError>(())
//! ```

mod arrays;
pub mod cifar;
mod csv;
mod dataset;
pub mod digits;
mod error;
pub mod fetch;
pub mod idx;
mod images;
mod input;
mod locate;
mod mnist;
mod names;
mod open;
#[cfg(feature = "parquet")]
mod parquet;

pub use dataset::{Dataset, Part, Values};
pub use digits::digits;
pub use error::{DataError, ErrorKind};
pub use locate::{cache_dir, load, load_folder};
pub use names::NAMES;
pub use open::{Dropped, Format, How, OpenError, Opened, Rows, TestPart, open, parse, read};
