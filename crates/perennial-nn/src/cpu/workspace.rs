//! Scratch memory.

/// Scratch memory of the kernels, owned by the caller. It grows to what the largest call needed and
/// is then reused; nothing in it outlives a call. One workspace serves all layers of a network, one
/// call at a time.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    /// The arranged source of a pass.
    pub(crate) planes: Buffer,
    /// The gradient by the output, transposed; or one residue of the gradient by the input.
    pub(crate) partial: Buffer,
    /// The gradient by the weights, transposed.
    pub(crate) sums: Buffer,
    /// One for each thread: the strips of a job.
    pub(crate) threads: Vec<Buffer>,
}

impl Workspace {
    /// An empty workspace.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Numbers from the beginning of a cache line on: registers that cross two lines cost up to 20 %.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffer(Vec<f32>);

/// Numbers of a cache line.
const LINE: usize = 64 / size_of::<f32>();

impl Buffer {
    /// `len` numbers, of any value.
    pub(crate) fn get(&mut self, len: usize) -> &mut [f32] {
        if self.0.len() < len + LINE {
            self.0.resize(len + LINE, 0.0);
        }
        let at = self.0.as_ptr().align_offset(size_of::<f32>() * LINE).min(LINE);
        &mut self.0[at..][..len]
    }
}
