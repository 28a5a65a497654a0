//! What every reader returns.

/// One part (train or test) of a labelled image set, kept as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The images one after another: `[count, channels, height, width]`, row-major.
    pub pixels: Vec<u8>,
    /// The class of each image, an index into [`Dataset::classes`]: `[count]`.
    pub labels: Vec<u32>,
}

impl Part {
    /// How many images the part holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether the part holds no image. No reader of this crate returns such a part.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The pixels of image `i`: `[channels, height, width]`.
    ///
    /// # Panics
    ///
    /// If `i` is not below [`Part::len`], like a slice.
    #[must_use]
    pub fn image(&self, i: usize) -> &[u8] {
        let size = self.pixels.len() / self.labels.len();
        &self.pixels[i * size..(i + 1) * size]
    }
}

/// A labelled image set: two parts of images of one shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// The name it was asked for by, or the folder's; `emnist-balanced` and so on for EMNIST.
    pub name: String,
    /// The shape of every image: `[channels, height, width]`.
    pub shape: [usize; 3],
    /// The value of a fully lit pixel: 255, or 16 for the digits. `pixel / white` is in 0 … 1.
    pub white: u8,
    /// The names of the classes, by label.
    pub classes: Vec<String>,
    /// The images to learn from.
    pub train: Part,
    /// The images to be judged by.
    pub test: Part,
}

impl Dataset {
    /// The number of bytes of one image: channels × height × width.
    #[must_use]
    pub fn pixels_per_image(&self) -> usize {
        self.shape.iter().product()
    }
}
