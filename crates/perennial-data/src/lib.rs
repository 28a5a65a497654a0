//! Readers of labelled data. This crate knows nothing of learning: a set comes in from the program
//! itself ([`digits()`]), from a folder ([`load`], [`load_folder`]), from its official address
//! ([`fetch`]) or from whatever file or folder people have ([`open()`], [`read`]), and goes out as
//! bytes or floats ([`Dataset`]).
//!
//! ```text
//! addresses ──fetch──► folder ──load──► Dataset { train: Part, test: Part }
//!                        embedded digits ──┤
//!    images, CSV, npz, safetensors, … ──open
//! ```
//!
//! What [`open()`] takes, and how it tells what it is:
//!
//! | at the path | what it is | its classes |
//! | --- | --- | --- |
//! | the name of a known set | as [`load`] | the set's |
//! | a folder with the files of a known set | IDX of MNIST or EMNIST, CIFAR | the set's, or numbers |
//! | a folder of folders of PNG, JPEG, WebP and BMP images | an image a row | the folders' names |
//! | a folder with `train` and `test`, perhaps `val` | such folders, or files of one format below | as below |
//! | a CSV file, plain or gzip | a line a row; numbers and categories | a column: the one asked for, the one called `label` or alike, or the last |
//! | a CSV file with a column of paths beside the images | an image a row | a column, as above |
//! | a Parquet file, with the feature `parquet` | a row a row; numbers and categories | a column, as of CSV |
//! | `.npz`, safetensors, a folder of `.npy` | arrays `x` and `y`, with `_train` and `_test` where there are both | the values of `y` |
//! | IDX images beside their labels, a `.bin` of CIFAR | an image a row | numbers; the set's |
//! | one image, a folder of images, `.npy`, IDX images alone | rows without labels, for [`read`] only | |
//!
//! Content decides what a file is, not its name. Bytes stay bytes. Files in folders are taken in
//! the order of their names, so nothing depends on how a disk orders them; names that begin with a
//! dot are not looked at.
//!
//! What was understood is said: format, label, classes, scale, parts, and what was left out
//! ([`Understanding`]). What decides how rows become inputs is an [`InputSpec`]: the first task makes
//! it, a learner keeps it, and all later data are read by it and compared with it. Rows without a
//! value and images that cannot be decoded are left out and named ([`LeftOut`]); a guess that would
//! nearly always be wrong is refused, in a sentence that says which option decides.
//!
//! Where data bring no part to be judged by, one is set apart that depends on nothing but the
//! data: of each class, in the order of the rows, every fifth; of a class of two to four the last.
//! Rows that are equal, or of one group, stay on one side.
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
mod cells;
pub mod cifar;
mod classes;
mod columns;
mod csv;
mod dataset;
pub mod digits;
mod error;
pub mod fetch;
mod header;
pub mod idx;
mod images;
mod input;
mod labels;
mod locate;
mod mnist;
mod names;
mod open;
#[cfg(feature = "parquet")]
mod parquet;
mod precision;
mod read_options;
mod scaling;
mod spec;
mod understanding;

pub use classes::{Matched, Naming, match_names, near_pairs};
pub use dataset::{Dataset, Part, Values};
pub use digits::digits;
pub use error::{DataError, ErrorKind};
pub use labels::few;
pub use locate::{cache_dir, load, load_folder};
pub use names::NAMES;
pub use open::{Ids, OpenError, Opened, Rows, open, parse, read, read_unlabelled, set_or_path};
pub use read_options::{Decimal, Layout, Normalise, ReadOptions, Scale};
pub use scaling::{Scaling, USUAL_CLIP};
pub use spec::{Column, InputSpec, Label};
pub use understanding::{Format, LeftOut, Parts, TestPart, Understanding};
