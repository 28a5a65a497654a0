//! The shape of a convolution, and what is wrong with a shape that cannot be computed.

/// A height and a width, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Number of rows of pixels.
    pub height: usize,
    /// Number of columns of pixels.
    pub width: usize,
}

impl Size {
    /// A size of `height` × `width`.
    pub const fn new(height: usize, width: usize) -> Self {
        Self { height, width }
    }

    /// A size of `side` × `side`.
    pub const fn square(side: usize) -> Self {
        Self::new(side, side)
    }

    /// Number of pixels.
    pub const fn area(self) -> usize {
        self.height * self.width
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.height, self.width)
    }
}

/// Everything that defines a two-dimensional convolution but its weights and its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dShape {
    /// Channels of the input.
    pub inputs: usize,
    /// Channels of the output.
    pub outputs: usize,
    /// Height and width of the filters.
    pub kernel: Size,
    /// Distance between two neighbouring filter positions, in pixels of the input.
    pub stride: Size,
    /// Rows of zeros above and below the input, and columns of zeros left and right of it.
    pub padding: Size,
    /// Groups of channels: an output reads the input channels of its own group only. 1 connects all
    /// channels; as many groups as inputs make the convolution depthwise.
    pub groups: usize,
    /// Height and width of the input.
    pub image: Size,
}

impl Conv2dShape {
    /// A convolution with stride 1, no padding and one group.
    pub const fn new(inputs: usize, outputs: usize, kernel: Size, image: Size) -> Self {
        let (stride, padding) = (Size::square(1), Size::square(0));
        Self { inputs, outputs, kernel, stride, padding, groups: 1, image }
    }

    /// Height and width of the output.
    ///
    /// # Errors
    ///
    /// One sentence that names the first thing that does not fit.
    pub fn output(&self) -> Result<Size, ConvError> {
        let Self { inputs, outputs, kernel, stride, padding, groups, image } = *self;
        let numbers = [
            ("input channels", inputs),
            ("output channels", outputs),
            ("kernel rows", kernel.height),
            ("kernel columns", kernel.width),
            ("rows between filter positions (stride)", stride.height),
            ("columns between filter positions (stride)", stride.width),
            ("groups", groups),
            ("image rows", image.height),
            ("image columns", image.width),
        ];
        if let Some((what, _)) = numbers.into_iter().find(|(_, number)| *number == 0) {
            return Err(ConvError::Zero { what });
        }
        if !inputs.is_multiple_of(groups) {
            return Err(ConvError::Groups { what: "input", channels: inputs, groups });
        }
        if !outputs.is_multiple_of(groups) {
            return Err(ConvError::Groups { what: "output", channels: outputs, groups });
        }
        if padding.height >= kernel.height || padding.width >= kernel.width {
            return Err(ConvError::Padding { padding, kernel });
        }
        let too_large = ConvError::TooLarge { shape: *self };
        // Every size and offset in this crate is at most one of these products times the batch.
        let padded = |image: usize, padding: usize| padding.checked_mul(2)?.checked_add(image);
        let sizes = padded(image.height, padding.height).zip(padded(image.width, padding.width));
        let Some((height, width)) = sizes else { return Err(too_large) };
        if height < kernel.height || width < kernel.width {
            return Err(ConvError::Kernel { image, kernel, padding });
        }
        let product = |numbers: &[usize]| {
            numbers.iter().try_fold(1usize, |product, number| product.checked_mul(*number))
        };
        let weights = product(&[outputs, inputs / groups, kernel.height, kernel.width]);
        let input = product(&[inputs, height, width, kernel.width]);
        let output = product(&[outputs, height, width]);
        if weights.and(input).and(output).is_none() {
            return Err(too_large);
        }
        Ok(Size {
            height: (height - kernel.height) / stride.height + 1,
            width: (width - kernel.width) / stride.width + 1,
        })
    }

    /// Number of weights: `outputs` × `inputs / groups` × kernel height × kernel width.
    pub(crate) fn weights(&self) -> usize {
        self.outputs * (self.inputs / self.groups) * self.kernel.area()
    }
}

/// Why a convolution cannot be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvError {
    /// A size of the shape is zero.
    #[error("The number of {what} must be at least 1, found 0.")]
    Zero {
        /// The size, in words.
        what: &'static str,
    },
    /// Channels cannot be split evenly into the groups.
    #[error("{channels} {what} channels cannot be split evenly into {groups} groups.")]
    Groups {
        /// `input` or `output`.
        what: &'static str,
        /// Number of channels.
        channels: usize,
        /// Number of groups.
        groups: usize,
    },
    /// Some output would read nothing but padding.
    #[error("The padding {padding} must be smaller than the kernel {kernel} in both directions.")]
    Padding {
        /// The padding.
        padding: Size,
        /// The kernel.
        kernel: Size,
    },
    /// The padded image is smaller than the kernel.
    #[error(
        "An image of {image} pixels with padding {padding} on each side is smaller than the kernel {kernel}."
    )]
    Kernel {
        /// The image without padding.
        image: Size,
        /// The kernel.
        kernel: Size,
        /// The padding.
        padding: Size,
    },
    /// A number of elements does not fit into a `usize`.
    #[error("A convolution of this shape is too large for the memory of any machine: {shape:?}.")]
    TooLarge {
        /// The shape.
        shape: Conv2dShape,
    },
    /// A slice does not have the length that the shape and the other slices ask for.
    #[error("Expected {expected} numbers in the {what}, found {found}.")]
    Length {
        /// The slice, in words.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it must have.
        expected: usize,
    },
    /// A batch is not a whole number of samples.
    #[error("Expected a multiple of {multiple} numbers in the {what}, found {found}.")]
    Batch {
        /// The slice, in words.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The number that its length must be a multiple of.
        multiple: usize,
    },
    /// Packed weights of another convolution, or of another instruction set.
    #[error("The packed weights belong to another convolution: pack the weights with this one.")]
    Packed,
    /// Weights that were packed for the forward pass alone.
    #[error(
        "The weights are packed for the forward pass alone: pack them for gradients, too (`Conv2d::pack`)."
    )]
    PackedForward,
}
