//! What every reader returns.

use std::fmt;

/// The values of rows, in the type they are kept in: `[rows, values of a row]`, row-major.
#[derive(Clone, PartialEq)]
pub enum Values {
    /// Bytes: a quarter of the memory of floats; divided by `white` when read.
    Bytes {
        /// Each at most `white`.
        pixels: Vec<u8>,
        /// The value that is read as 1, at least 1.
        white: u8,
    },
    /// Finite numbers, read as they are.
    Floats(Vec<f32>),
}

impl Values {
    /// How many values, over all rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes { pixels, .. } => pixels.len(),
            Self::Floats(floats) => floats.len(),
        }
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of all rows, where values are bytes.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes { pixels, .. } => Some(pixels),
            Self::Floats(_) => None,
        }
    }

    /// The byte that is read as 1, where values are bytes.
    #[must_use]
    pub fn white(&self) -> Option<u8> {
        match self {
            Self::Bytes { white, .. } => Some(*white),
            Self::Floats(_) => None,
        }
    }

    /// The rows of `size` values whose numbers `chosen` gives, in that order.
    pub(crate) fn gathered(&self, size: usize, chosen: &[usize]) -> Self {
        match self {
            Self::Bytes { pixels, white } => {
                Self::Bytes { pixels: gather(pixels, size, chosen), white: *white }
            }
            Self::Floats(floats) => Self::Floats(gather(floats, size, chosen)),
        }
    }

    /// Everything that distinguishes these values from others goes into the hash.
    fn hash(&self, hasher: &mut blake3::Hasher) {
        match self {
            Self::Bytes { pixels, white } => {
                hasher.update(&[1, *white]).update(pixels);
            }
            Self::Floats(floats) => {
                hasher.update(&[2]);
                for value in floats {
                    hasher.update(&value.to_le_bytes());
                }
            }
        }
    }
}

fn gather<T: Copy>(values: &[T], size: usize, chosen: &[usize]) -> Vec<T> {
    let rows = chosen.iter().flat_map(|&i| &values[i * size..(i + 1) * size]);
    rows.copied().collect()
}

/// Without the values: a part is millions of them.
impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.bytes().is_some() { "bytes" } else { "floats" };
        write!(f, "{} {name}", self.len())
    }
}

/// One part (train or test) of a labelled set.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The rows one after another: `[count, channels, height, width]`, row-major.
    pub values: Values,
    /// The class of each row, an index into [`Dataset::classes`]: `[count]`.
    pub labels: Vec<u32>,
}

impl Part {
    /// Rows of bytes.
    #[must_use]
    pub fn of_bytes(pixels: Vec<u8>, white: u8, labels: Vec<u32>) -> Self {
        Self { values: Values::Bytes { pixels, white }, labels }
    }

    /// How many rows the part holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether the part holds no row. No reader of this crate returns such a part.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The pixels of row `i`, where values are bytes: `[channels, height, width]`.
    ///
    /// # Panics
    ///
    /// If `i` is not below [`Part::len`], like a slice.
    #[must_use]
    pub fn image(&self, i: usize) -> Option<&[u8]> {
        let size = self.values.len() / self.labels.len();
        self.values.bytes().map(|pixels| &pixels[i * size..(i + 1) * size])
    }

    /// The rows whose numbers `chosen` gives, in that order.
    ///
    /// # Panics
    ///
    /// If one is not below [`Part::len`], like a slice.
    #[must_use]
    pub fn picked(&self, chosen: &[usize]) -> Self {
        let size = self.values.len() / self.labels.len();
        let labels = chosen.iter().map(|&i| self.labels[i]).collect();
        Self { values: self.values.gathered(size, chosen), labels }
    }
}

/// A labelled set: two parts of rows of one shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The name it was asked for by, or the folder's or file's; `emnist-balanced` and so on for
    /// EMNIST.
    pub name: String,
    /// The shape of every row: `[channels, height, width]`. Rows of n numbers that are no image
    /// are `[1, 1, n]`.
    pub shape: [usize; 3],
    /// The names of the classes, by label.
    pub classes: Vec<String>,
    /// The rows to learn from.
    pub train: Part,
    /// The rows to choose by, where the data bring some.
    pub validation: Option<Part>,
    /// The rows to be judged by; values of the same type, and of the same white.
    pub test: Part,
}

impl Dataset {
    /// The number of values of one row: channels × height × width.
    #[must_use]
    pub fn row_len(&self) -> usize {
        self.shape.iter().product()
    }

    /// How many training and test rows each class has: `[classes]`. In sets whose labels are
    /// numbers, a number below the highest may have none.
    #[must_use]
    pub fn counts(&self) -> Vec<[usize; 2]> {
        let mut counts = vec![[0, 0]; self.classes.len()];
        for (part, of) in [&self.train, &self.test].into_iter().zip(0..) {
            for &label in &part.labels {
                counts[label as usize][of] += 1;
            }
        }
        counts
    }

    /// BLAKE3, in hexadecimal, of the content: shape, class names, and the values and labels of
    /// all parts in their order. Not of the set's name, nor of where it lies, nor of how its
    /// files are packed.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for size in self.shape {
            hasher.update(&(size as u64).to_le_bytes());
        }
        hasher.update(&(self.classes.len() as u64).to_le_bytes());
        for class in &self.classes {
            // With its length, so that two lists never hash like one.
            hasher.update(&(class.len() as u64).to_le_bytes()).update(class.as_bytes());
        }
        for part in [Some(&self.train), Some(&self.test), self.validation.as_ref()] {
            let Some(part) = part else { continue };
            hasher.update(&(part.len() as u64).to_le_bytes());
            for label in &part.labels {
                hasher.update(&label.to_le_bytes());
            }
            part.values.hash(&mut hasher);
        }
        hasher.finalize().to_string()
    }
}
