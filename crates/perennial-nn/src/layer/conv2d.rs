//! Two-dimensional convolutions.

use std::sync::Arc;

use rayon::prelude::*;

use super::linear::add_statistic;
use super::{
    Backward, Forward, Layer, Op, Parameters, Prepared, Shapes, Statistic, Sums, Target, image,
    scaled_width, size,
};
use crate::cpu::{Conv2d as Kernel, Conv2dShape, Size, Workspace, to_batch_first};
use crate::params::{Init, Parameter};

/// A convolution of images by filters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Channels that it makes.
    pub outputs: usize,
    /// Height and width of its filters.
    pub kernel: Size,
    /// Rows and columns that a filter moves on by.
    pub stride: Size,
    /// Rows and columns of zeros around the image.
    pub padding: Size,
    /// Groups of channels that are convolved apart.
    pub groups: usize,
    /// Whether it has a bias for each output.
    pub bias: bool,
}

impl Conv2d {
    /// A square filter of odd size without bias, which keeps height and width or divides them by
    /// `stride`, rounding up.
    pub fn same(outputs: usize, kernel: usize, stride: usize) -> Self {
        Self {
            outputs,
            kernel: Size::square(kernel),
            stride: Size::square(stride),
            padding: Size::square(kernel / 2),
            groups: 1,
            bias: false,
        }
    }

    fn shape(&self, inputs: &[&[usize]], outputs: usize) -> Result<Conv2dShape, String> {
        let [channels, height, width] = image(inputs)?;
        let image = Size::new(height, width);
        let Self { kernel, stride, padding, groups, .. } = *self;
        let shape = Conv2dShape {
            stride,
            padding,
            groups,
            ..Conv2dShape::new(channels, outputs, kernel, image)
        };
        shape.output().map_err(|error| error.to_string())?;
        Ok(shape)
    }
}

impl Layer for Conv2d {
    fn kind(&self) -> &'static str {
        "conv2d"
    }

    fn settings(&self) -> toml::Table {
        let size = |size: Size| match size.height == size.width {
            true => toml::Value::Integer(size.height as i64),
            false => vec![size.height as i64, size.width as i64].into(),
        };
        let mut table = toml::Table::new();
        table.insert("outputs".into(), toml::Value::Integer(self.outputs as i64));
        table.insert("kernel".into(), size(self.kernel));
        if self.stride != Size::square(1) {
            table.insert("stride".into(), size(self.stride));
        }
        if self.padding != Size::square(0) {
            table.insert("padding".into(), size(self.padding));
        }
        if self.groups != 1 {
            table.insert("groups".into(), toml::Value::Integer(self.groups as i64));
        }
        if self.bias {
            table.insert("bias".into(), toml::Value::Boolean(true));
        }
        table
    }

    fn parameters(&self, inputs: &[&[usize]]) -> Result<Vec<Parameter>, String> {
        let Conv2dShape { inputs, outputs, kernel, groups, .. } =
            self.shape(inputs, self.outputs)?;
        let shape = [outputs, inputs / groups, kernel.height, kernel.width];
        let weight = Init::he(inputs / groups * kernel.area());
        let mut parameters = vec![Parameter::new("weight", &shape, weight)];
        if self.bias {
            parameters.push(Parameter::new("bias", &[outputs], Init::Constant(0.0)));
        }
        Ok(parameters)
    }

    fn bind(&self, shapes: &Shapes<'_>) -> Result<Box<dyn Op>, String> {
        let weight = &shapes.parameters[0];
        let shape = self.shape(shapes.inputs, weight[0])?;
        let wanted =
            [shape.outputs, shape.inputs / shape.groups, shape.kernel.height, shape.kernel.width];
        if weight[..] != wanted {
            return Err(format!(
                "its weight has the shape {weight:?} where its input asks for {wanted:?}"
            ));
        }
        let kernel = Kernel::new(shape).map_err(|error| error.to_string())?;
        let Size { height, width } = kernel.output();
        Ok(Box::new(Bound { output: [shape.outputs, height, width], kernel }))
    }

    fn scaled(&self, factor: f64) -> Option<Arc<dyn Layer>> {
        let outputs = scaled_width(self.outputs, factor);
        Some(Arc::new(Self { outputs, ..self.clone() }))
    }

    fn fixed_width(&self) -> Option<&str> {
        (self.groups != 1).then_some("its channels are in groups, which do not widen")
    }
}

struct Bound {
    output: [usize; 3],
    kernel: Kernel,
}

impl Bound {
    /// Numbers of one channel of the output, all rows.
    fn plane(&self, rows: usize) -> usize {
        self.output[1] * self.output[2] * rows
    }
}

/// The kernels check the lengths of what they are given, which an executable graph has made right.
const LENGTHS: &str = "an executable graph gives its layers slices of the lengths of their shapes";

impl Op for Bound {
    fn output(&self) -> &[usize] {
        &self.output
    }

    fn prepare(&self, parameters: Parameters<'_>, prepared: &mut Prepared) {
        self.kernel.pack(parameters.get(0), &mut prepared.conv).expect(LENGTHS);
    }

    fn forward(&self, call: &mut Forward<'_>) {
        let bias = (call.parameters.len() > 1).then(|| call.parameters.get(1));
        let (x, packed, conv) = (call.inputs.get(0), &call.prepared.conv, &mut call.scratch.conv);
        self.kernel.forward(x, packed, bias, call.output, conv).expect(LENGTHS);
    }

    fn backward(&self, call: &mut Backward<'_>, inputs: &mut [Option<Target<'_>>]) {
        let [Some(Target { values, add })] = inputs else { return };
        let (delta, packed) = (&*call.output_gradient, &call.prepared.conv);
        let conv = &mut call.scratch.conv;
        self.kernel.input_gradient(delta, packed, values, *add, conv).expect(LENGTHS);
    }

    fn parameter_gradient(&self, index: usize, call: &mut Backward<'_>, to: Target<'_>) {
        let (x, delta) = (call.inputs.get(0), &*call.output_gradient);
        if index == 0 {
            let conv = &mut call.scratch.conv;
            return self.kernel.weight_gradient(x, delta, to.values, to.add, conv).expect(LENGTHS);
        }
        let channels = delta.chunks_exact(self.plane(call.rows));
        for (to_channel, channel) in to.values.iter_mut().zip(channels) {
            let sum = channel.iter().map(|&d| f64::from(d)).sum::<f64>() as f32;
            *to_channel = if to.add { *to_channel + sum } else { sum };
        }
    }

    fn sample_statistics(&self, call: &mut Backward<'_>, of: Statistic, sums: &mut [Sums<'_>]) {
        let (rows, x, delta) = (call.rows, call.inputs.get(0), &*call.output_gradient);
        // A sample after another. What the layer read is the same for all gradients of the same rows.
        let (by_row, deltas) = (&mut call.saved.statistics, &mut call.scratch.floats);
        if by_row.is_empty() {
            by_row.resize(x.len(), 0.0);
            to_batch_first(x, rows, by_row).expect(LENGTHS);
        }
        deltas.resize(delta.len(), 0.0);
        to_batch_first(delta, rows, deltas).expect(LENGTHS);
        let weights = sums[0].len();
        let together = (PRODUCTS / weights).clamp(1, MOST_PRODUCTS).min(rows);
        let mut gradients = vec![0.0; together * weights];
        let (x_row, d_row) = (x.len() / rows, size(&self.output));
        for (x, delta) in by_row.chunks(together * x_row).zip(deltas.chunks(together * d_row)) {
            let samples = x.par_chunks_exact(x_row).zip(delta.par_chunks_exact(d_row));
            let count = delta.len() / d_row;
            samples.zip(gradients.par_chunks_exact_mut(weights)).for_each_init(
                Workspace::default,
                |conv, ((x, delta), gradient)| {
                    self.kernel.weight_gradient(x, delta, gradient, false, conv).expect(LENGTHS);
                },
            );
            let each = weights.div_ceil(rayon::current_num_threads());
            sums[0].par_chunks_mut(each).enumerate().for_each(|(part, sums)| {
                for gradient in gradients.chunks_exact(weights).take(count) {
                    add_statistic(sums, &gradient[part * each..][..sums.len()], of);
                }
            });
        }
        if let Some(bias) = sums.get_mut(1) {
            for delta in deltas.chunks_exact(d_row) {
                for (sum, channel) in bias.iter_mut().zip(delta.chunks_exact(self.plane(1))) {
                    *sum += f64::from(of.of(channel.iter().sum::<f32>()));
                }
            }
        }
    }

    fn finish_statistics(&self, call: &mut Backward<'_>, _: Statistic, _: &mut [Sums<'_>]) {
        call.saved.statistics.clear();
    }
}

/// Numbers of gradients of single samples that are held at once: enough samples for several threads,
/// few enough to stay in a cache.
const PRODUCTS: usize = 1 << 18;
/// The same in samples.
const MOST_PRODUCTS: usize = 32;
