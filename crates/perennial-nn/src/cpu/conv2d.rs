//! The convolution itself: checks what it is given and runs the kernels.

use rayon::prelude::*;

use crate::cpu::correlation::{Correlation, Offset, Planes, copy_pixel};
use crate::cpu::geometry::{Conv2dShape, ConvError, Size};
use crate::cpu::instructions::InstructionSet;
use crate::cpu::packing::{Order, PackedWeights, pack};
use crate::cpu::residue::{Residue, residue, signed};
use crate::cpu::strips::Strips;
use crate::cpu::tile::{self, Pass, Start};
use crate::cpu::weight_gradient::{self, Gradient, Group};
use crate::cpu::winograd;
use crate::cpu::workspace::{Buffer, Workspace};

/// Products from which on threads are worth their start: about 30 µs of one thread.
const PARALLEL: usize = 1 << 22;

/// How the forward pass and the gradient by the input are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// Sums of products, for every shape.
    #[default]
    Direct,
    /// Winograd's F(2x2, 3x3) for filters of 3x3 with stride 1, padding 1 and one group, from 32
    /// channels and 64 pixels on; the direct sums for all other shapes, which it would slow down. It
    /// takes 16 products instead of 36 and rounds differently.
    Winograd,
}

/// A convolution of a checked shape: the forward pass and its two gradients.
///
/// Activations are *batch-last*: a slice of `[channels, height, width, rows]`, where `rows` is the
/// number of samples, which each call reads from the length of its slice.
/// [`to_batch_last`](crate::to_batch_last) and [`to_batch_first`](crate::to_batch_first) convert.
/// Weights and their gradient are `[outputs, inputs / groups, kernel height, kernel width]`.
///
/// The kernels run in the rayon pool of the caller. Every result is the same bits for any number
/// of threads; and in the forward pass and the gradient by the input, the bits of a sample do not
/// depend on the other samples of its batch.
#[derive(Clone, Debug)]
pub struct Conv2d {
    shape: Conv2dShape,
    output: Size,
    instructions: InstructionSet,
    algorithm: Algorithm,
    forward: Correlation,
    backward: Vec<Residue>,
}

impl Conv2d {
    /// A convolution that runs on the fastest instruction set of this machine.
    ///
    /// # Errors
    ///
    /// One sentence that names the first thing of the shape that does not fit.
    pub fn new(shape: Conv2dShape) -> Result<Self, ConvError> {
        Self::with_instructions(shape, InstructionSet::best())
    }

    /// A convolution that runs on a chosen instruction set.
    ///
    /// # Errors
    ///
    /// As [`Conv2d::new`].
    pub fn with_instructions(
        shape: Conv2dShape,
        instructions: InstructionSet,
    ) -> Result<Self, ConvError> {
        let output = shape.output()?;
        let Conv2dShape { kernel, stride, padding, image, .. } = shape;
        let start = Offset { row: -signed(padding.height), column: -signed(padding.width) };
        let forward = Correlation { kernel, stride, start, source: image, target: output };
        let backward = (0..stride.height.min(image.height))
            .flat_map(|row| (0..stride.width.min(image.width)).map(move |column| (row, column)))
            .map(|(row, column)| residue(&shape, output, Size::new(row, column)))
            .collect();
        let algorithm = Algorithm::Direct;
        Ok(Self { shape, output, instructions, algorithm, forward, backward })
    }

    /// The same convolution by another algorithm, if that computes this shape: see [`Algorithm`].
    #[must_use]
    pub fn with_algorithm(self, algorithm: Algorithm) -> Self {
        let algorithm = if winograd::computes(&self.shape) { algorithm } else { Algorithm::Direct };
        Self { algorithm, ..self }
    }

    /// The shape.
    pub fn shape(&self) -> &Conv2dShape {
        &self.shape
    }

    /// Height and width of the output.
    pub fn output(&self) -> Size {
        self.output
    }

    /// The instruction set that the kernels run on.
    pub fn instructions(&self) -> InstructionSet {
        self.instructions
    }

    /// The algorithm of the forward pass and the gradient by the input: [`Algorithm::Direct`] if the
    /// chosen one does not compute this shape.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Multiply-adds of one sample in one pass: the forward pass and either gradient take as many.
    pub fn multiply_adds(&self) -> usize {
        self.shape.weights() * self.output.area()
    }

    /// Arranges weights for the kernels: once for all passes until the weights change. `packed`
    /// keeps its memory.
    ///
    /// # Errors
    ///
    /// When `weights` has another length than `[outputs, inputs / groups, height, width]`.
    pub fn pack(&self, weights: &[f32], packed: &mut PackedWeights) -> Result<(), ConvError> {
        self.pack_forward(weights, packed)?;
        let Conv2dShape { inputs, outputs, groups, kernel, .. } = self.shape;
        let (inputs, outputs, taps) = (inputs / groups, outputs / groups, kernel.area());
        packed.backward.resize(self.backward.len(), Vec::new());
        let PackedWeights { backward, filters, .. } = packed;
        for (residue, packed) in self.backward.iter().zip(backward) {
            let order = Order {
                channels: inputs,
                sources: outputs,
                group: outputs * inputs * taps,
                channel: taps,
                source: inputs * taps,
                taps: &self.taps_of(residue),
            };
            self.pack_pass(weights, &order, filters, packed);
        }
        packed.gradient = true;
        Ok(())
    }

    /// Arranges weights for the forward pass alone, in half the time of [`Conv2d::pack`].
    ///
    /// # Errors
    ///
    /// As [`Conv2d::pack`].
    pub fn pack_forward(
        &self,
        weights: &[f32],
        packed: &mut PackedWeights,
    ) -> Result<(), ConvError> {
        let Conv2dShape { inputs, outputs, groups, kernel, .. } = self.shape;
        length("weights", weights.len(), self.shape.weights())?;
        let (inputs, outputs, taps) = (inputs / groups, outputs / groups, kernel.area());
        packed.owner = Some((self.shape, self.instructions, self.algorithm));
        packed.gradient = false;
        let order = Order {
            channels: outputs,
            sources: inputs,
            group: outputs * inputs * taps,
            channel: inputs * taps,
            source: taps,
            taps: &(0..taps).collect::<Vec<_>>(),
        };
        self.pack_pass(weights, &order, &mut packed.filters, &mut packed.forward);
        Ok(())
    }

    /// Packs the weights of one pass, by way of `filters` if they are transformed.
    fn pack_pass(
        &self,
        weights: &[f32],
        order: &Order,
        filters: &mut Vec<f32>,
        packed: &mut Vec<f32>,
    ) {
        match self.algorithm {
            Algorithm::Direct => pack(weights, order, self.instructions, packed),
            Algorithm::Winograd => {
                pack(weights, order, self.instructions, filters);
                let block = tile::block(order.channels, self.instructions);
                winograd::pack(filters, order.sources, block, self.instructions, packed);
            }
        }
    }

    /// The filter taps of a residue, in the order of its sum.
    fn taps_of(&self, residue: &Residue) -> Vec<usize> {
        let (kernel, stride) = (self.shape.kernel, self.shape.stride);
        let Some(Correlation { kernel: size, .. }) = residue.correlation else { return Vec::new() };
        let row = |y: usize| (residue.last.height - y * stride.height) * kernel.width;
        let tap = |y, x: usize| row(y) + residue.last.width - x * stride.width;
        (0..size.height).flat_map(|y| (0..size.width).map(move |x| tap(y, x))).collect()
    }

    /// The forward pass: `output` becomes the convolution of `input`, plus `bias`.
    ///
    /// `input` is `[inputs, height, width, rows]`, `bias` is `[outputs]`, `output` is `[outputs,
    /// output height, output width, rows]`.
    ///
    /// # Errors
    ///
    /// When a slice has another length, or the weights were packed by another convolution.
    pub fn forward(
        &self,
        input: &[f32],
        weights: &PackedWeights,
        bias: Option<&[f32]>,
        output: &mut [f32],
        workspace: &mut Workspace,
    ) -> Result<(), ConvError> {
        let rows = samples("input", input.len(), self.input_len())?;
        length("output", output.len(), rows * self.output_len())?;
        if let Some(bias) = bias {
            length("bias", bias.len(), self.shape.outputs)?;
        }
        self.check(weights)?;
        if rows > 0 {
            let pass = Sum {
                correlation: self.forward,
                rows,
                inputs: self.shape.inputs,
                outputs: self.shape.outputs,
                weights: &weights.forward,
                start: bias.map_or(Start::Zero, Start::Bias),
            };
            let Workspace { planes, threads, .. } = workspace;
            self.run(&pass, input, output, planes, threads);
        }
        Ok(())
    }

    /// The gradient by the input: `input_gradient` becomes the sum over all outputs that read a
    /// pixel, of the weight that they read it with times `output_gradient`. With `add`, the sum is
    /// added to what `input_gradient` holds.
    ///
    /// Shapes are those of [`Conv2d::forward`].
    ///
    /// # Errors
    ///
    /// As [`Conv2d::forward`], and when the weights were packed for the forward pass alone.
    pub fn input_gradient(
        &self,
        output_gradient: &[f32],
        weights: &PackedWeights,
        input_gradient: &mut [f32],
        add: bool,
        workspace: &mut Workspace,
    ) -> Result<(), ConvError> {
        let rows = samples("output gradient", output_gradient.len(), self.output_len())?;
        length("input gradient", input_gradient.len(), rows * self.input_len())?;
        self.check(weights)?;
        if !weights.gradient {
            return Err(ConvError::PackedForward);
        }
        if rows == 0 {
            return Ok(());
        }
        let Workspace { planes, partial, threads, .. } = workspace;
        for (residue, weights) in self.backward.iter().zip(&weights.backward) {
            let Some(correlation) = residue.correlation else {
                if !add {
                    self.scatter(residue, rows, None, input_gradient, false);
                }
                continue;
            };
            let (inputs, outputs) = (self.shape.outputs, self.shape.inputs);
            let in_place = self.shape.stride == Size::square(1);
            let start = if in_place && add { Start::Target } else { Start::Zero };
            let pass = Sum { correlation, rows, inputs, outputs, weights, start };
            if in_place {
                self.run(&pass, output_gradient, input_gradient, planes, threads);
            } else {
                let partial = partial.get(outputs * correlation.target.area() * rows);
                self.run(&pass, output_gradient, partial, planes, threads);
                self.scatter(residue, rows, Some(partial), input_gradient, add);
            }
        }
        Ok(())
    }

    /// The gradient by the weights: `weight_gradient` becomes the sum over all samples and filter
    /// positions, of the pixel that a weight reads times `output_gradient`. With `add`, the sum is
    /// added to what `weight_gradient` holds.
    ///
    /// Activations have the shapes of [`Conv2d::forward`], `weight_gradient` is
    /// `[outputs, inputs / groups, kernel height, kernel width]`.
    ///
    /// # Errors
    ///
    /// When a slice has another length.
    pub fn weight_gradient(
        &self,
        input: &[f32],
        output_gradient: &[f32],
        weight_gradient: &mut [f32],
        add: bool,
        workspace: &mut Workspace,
    ) -> Result<(), ConvError> {
        let rows = samples("input", input.len(), self.input_len())?;
        length("output gradient", output_gradient.len(), rows * self.output_len())?;
        length("weight gradient", weight_gradient.len(), self.shape.weights())?;
        if rows == 0 {
            if !add {
                weight_gradient.fill(0.0);
            }
            return Ok(());
        }
        let Conv2dShape { inputs, outputs, groups, kernel, .. } = self.shape;
        let parallel = self.parallel(rows);
        let planes = Planes::new(self.forward, rows);
        let Workspace { planes: arranged, partial, sums, .. } = workspace;
        let arranged = arranged.get(inputs * planes.plane());
        planes.arrange(input, arranged, parallel);
        let (inputs, outputs) = (inputs / groups, outputs / groups);
        let sources = arranged.chunks_exact(inputs * planes.plane());
        let output_gradients = output_gradient.chunks_exact(outputs * planes.target());
        let gradients = weight_gradient.chunks_exact_mut(outputs * inputs * kernel.area());
        let gradients = gradients.map(|values| Gradient { values, add });
        let group = |(source, output_gradient)| Group {
            planes: &planes,
            inputs,
            outputs,
            taps: kernel.area(),
            columns: kernel.width,
            source,
            output_gradient,
        };
        let groups = sources.zip(output_gradients).map(group).zip(gradients);
        let pairs = inputs * kernel.area();
        if weight_gradient::by_outer_products(outputs, pairs, self.instructions) {
            for (group, mut gradient) in groups {
                let (transposed, summed) = weight_gradient::buffers(&group, self.instructions);
                let buffers = [partial.get(transposed), sums.get(summed)];
                weight_gradient::outer(&group, self.instructions, buffers, &mut gradient, parallel);
            }
        } else {
            weight_gradient::dot(groups, self.instructions, parallel);
        }
        Ok(())
    }

    fn input_len(&self) -> usize {
        self.shape.inputs * self.shape.image.area()
    }

    fn output_len(&self) -> usize {
        self.shape.outputs * self.output.area()
    }

    fn check(&self, weights: &PackedWeights) -> Result<(), ConvError> {
        if weights.owner != Some((self.shape, self.instructions, self.algorithm)) {
            return Err(ConvError::Packed);
        }
        Ok(())
    }

    fn parallel(&self, rows: usize) -> bool {
        rows * self.multiply_adds() >= PARALLEL && rayon::current_num_threads() > 1
    }

    /// Computes `target` over strips of `source`, arranged in `planes` first if need be.
    fn run(
        &self,
        sum: &Sum,
        source: &[f32],
        target: &mut [f32],
        planes: &mut Buffer,
        threads: &mut Vec<Buffer>,
    ) {
        let parallel = self.parallel(sum.rows);
        if self.algorithm == Algorithm::Winograd {
            let arranged = winograd::squares(self.shape.image, sum.rows);
            let planes = planes.get(sum.inputs * arranged.plane() + winograd::BEHIND);
            arranged.arrange(source, planes, parallel);
            let pass = winograd::Pass {
                planes: &arranged,
                image: self.shape.image,
                rows: sum.rows,
                inputs: sum.inputs,
                outputs: sum.outputs,
                source: planes,
                weights: sum.weights,
                start: sum.start,
            };
            return winograd::run(&pass, self.instructions, target, threads, parallel);
        }
        let outputs = sum.outputs / self.shape.groups;
        let width = tile::width(tile::block(outputs, self.instructions), self.instructions);
        let strips = Strips::new(sum.correlation, sum.rows, outputs, width);
        let source = match strips.planes() {
            Some(arranged) => {
                let planes = planes.get(sum.inputs * arranged.plane());
                arranged.arrange(source, planes, parallel);
                &*planes
            }
            None => source,
        };
        let pass = Pass {
            strips: &strips,
            groups: self.shape.groups,
            inputs: sum.inputs / self.shape.groups,
            outputs,
            taps: sum.correlation.kernel.area(),
            source,
            weights: sum.weights,
            start: sum.start,
        };
        tile::run(&pass, self.instructions, target, threads, parallel);
    }

    /// Writes the pixels of a residue to their places in the image, or adds them to it; zeros where
    /// there are none.
    fn scatter(
        &self,
        residue: &Residue,
        rows: usize,
        pixels: Option<&[f32]>,
        image: &mut [f32],
        add: bool,
    ) {
        let Conv2dShape { stride, image: size, .. } = self.shape;
        let one = |(channel, image): (usize, &mut [f32])| {
            let pixels = pixels.map(|pixels| {
                let len = pixels.len() / self.shape.inputs;
                &pixels[channel * len..][..len]
            });
            let mut pixels = pixels.map(|pixels| pixels.chunks_exact(rows));
            let lines = image.chunks_exact_mut(size.width * rows);
            for line in lines.skip(residue.row).step_by(stride.height) {
                for to in line.chunks_exact_mut(rows).skip(residue.column).step_by(stride.width) {
                    match pixels.as_mut().and_then(Iterator::next) {
                        Some(from) if add => to.iter_mut().zip(from).for_each(|(t, f)| *t += f),
                        Some(from) => copy_pixel(to, from),
                        None => to.fill(0.0),
                    }
                }
            }
        };
        if self.parallel(rows) {
            image.par_chunks_exact_mut(size.area() * rows).enumerate().for_each(one);
        } else {
            image.chunks_exact_mut(size.area() * rows).enumerate().for_each(one);
        }
    }
}

/// A correlation over all channels.
struct Sum<'a> {
    correlation: Correlation,
    rows: usize,
    inputs: usize,
    outputs: usize,
    weights: &'a [f32],
    start: Start<'a>,
}

/// The number of samples of a batch.
fn samples(what: &'static str, found: usize, sample: usize) -> Result<usize, ConvError> {
    if !found.is_multiple_of(sample) {
        return Err(ConvError::Batch { what, found, multiple: sample });
    }
    Ok(found / sample)
}

fn length(what: &'static str, found: usize, expected: usize) -> Result<(), ConvError> {
    if found != expected {
        return Err(ConvError::Length { what, found, expected });
    }
    Ok(())
}
