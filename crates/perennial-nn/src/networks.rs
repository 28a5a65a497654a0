//! The networks that have names.

use crate::graph::{Graph, GraphBuilder, GraphError};
use crate::layer::{
    Activation, Add, BatchNorm, Conv2d, Flatten, Linear, Nonlinearity, Pool, scaled_width,
};
use crate::params::Start;

const RELU: Activation = Activation(Nonlinearity::Relu);

/// `mlp:100x100`: linear layers of the given widths over the flattened input, a rectifier after each.
///
/// # Errors
///
/// When a width is 0.
pub fn mlp(input: &[usize], hidden: &[usize], init: Start) -> Result<Graph, GraphError> {
    let widths: Vec<_> = hidden.iter().map(ToString::to_string).collect();
    let option = match init {
        Start::Xavier => String::new(),
        init => format!(",init={}", init.word()),
    };
    let name = format!("mlp:{}{option}", widths.join("x"));
    let mut net = Graph::builder(name, &[input.iter().product()]).head_init(init);
    let mut value = 0;
    for (i, &width) in hidden.iter().enumerate() {
        let name = format!("dense{}", i + 1);
        let z = net.add(&name, Linear::new(width, init), &[value]);
        net.stage(&name, z);
        value = net.add(&format!("relu{}", i + 1), RELU, &[z]);
    }
    let (input, hidden) = (input.to_vec(), hidden.to_vec());
    net.scales_by(move |factor| {
        let hidden: Vec<_> = hidden.iter().map(|&width| scaled_width(width, factor)).collect();
        mlp(&input, &hidden, init)
    })
    .build()
}

/// The widths that plain `cnn` stands for.
pub const CNN: [usize; 3] = [32, 64, 128];

/// `cnn`, or `cnn:32x64x128`: two blocks of 3×3 convolution, batch normalisation, 2×2 maximum and
/// rectifier, then a rectified linear layer. The numbers are the channels of the blocks and the outputs of
/// the layer.
///
/// # Errors
///
/// When a width is 0, or the images are smaller than 4×4.
pub fn cnn(input: [usize; 3], widths: [usize; 3]) -> Result<Graph, GraphError> {
    let [first, second, dense] = widths;
    let name = match widths {
        CNN => "cnn".into(),
        _ => format!("cnn:{first}x{second}x{dense}"),
    };
    let mut net = Graph::builder(name, &input);
    let mut value = 0;
    for (i, width) in [first, second].into_iter().enumerate() {
        let i = i + 1;
        let z = net.add(&format!("conv{i}"), Conv2d::same(width, 3, 1), &[value]);
        let z = net.add(&format!("norm{i}"), BatchNorm, &[z]);
        // The maximum before the rectifier: the same numbers, a quarter of the work.
        let z = net.add(&format!("pool{i}"), Pool::max(2), &[z]);
        net.stage(&format!("conv{i}"), z);
        value = net.add(&format!("relu{i}"), RELU, &[z]);
    }
    let flat = net.add("flatten", Flatten, &[value]);
    let z = net.add("dense", Linear::new(dense, Start::He), &[flat]);
    net.stage("dense", z);
    net.add("relu3", RELU, &[z]);
    net.scales_by(move |factor| cnn(input, widths.map(|width| scaled_width(width, factor)))).build()
}

/// `resnet18:20`: the residual network of 18 layers (He et al. 2016) as it is used for small images: a 3×3
/// convolution of `filters` channels, then four groups of two basic blocks of 1, 2, 4 and 8 times as many
/// channels, the last three groups at half the height and width of the one before, and the average over
/// what is left. With 20 filters it is the reduced network of the GEM paper (Lopez-Paz & Ranzato 2017),
/// with 64 the full one.
///
/// # Errors
///
/// When `filters` is 0.
pub fn resnet18(input: [usize; 3], filters: usize) -> Result<Graph, GraphError> {
    let net = residual(format!("resnet18:{filters}"), input, filters, [1, 2, 4, 8], 2);
    net.scales_by(move |factor| resnet18(input, scaled_width(filters, factor))).build()
}

/// `resnet32:16`: the residual network of 32 layers for small images (He et al. 2016, section 4.2): a 3×3
/// convolution of `filters` channels, then three groups of five basic blocks of 1, 2 and 4 times as many
/// channels, the last two groups at half the height and width of the one before, and the average over what
/// is left. Where a block halves the image, its shortcut is a 1×1 convolution; the paper pads with zeros.
///
/// # Errors
///
/// When `filters` is 0.
pub fn resnet32(input: [usize; 3], filters: usize) -> Result<Graph, GraphError> {
    let net = residual(format!("resnet32:{filters}"), input, filters, [1, 2, 4], 5);
    net.scales_by(move |factor| resnet32(input, scaled_width(filters, factor))).build()
}

/// A stem, groups of `blocks` basic blocks, the first block of every group but the first at half the
/// height and width, and the average.
fn residual<const GROUPS: usize>(
    name: String,
    input: [usize; 3],
    filters: usize,
    multiples: [usize; GROUPS],
    blocks: usize,
) -> GraphBuilder {
    let mut net = Graph::builder(name, &input);
    let z = net.add("stem.conv", Conv2d::same(filters, 3, 1), &[0]);
    let z = net.add("stem.norm", BatchNorm, &[z]);
    net.stage("stem", z);
    let mut value = net.add("stem.relu", RELU, &[z]);
    let all = (0..GROUPS).flat_map(|group| (0..blocks).map(move |block| (group, block)));
    for (i, (group, block)) in all.enumerate() {
        let name = format!("block{}", i + 1);
        let halves = group > 0 && block == 0;
        let (outputs, stride) = (multiples[group] * filters, 1 + usize::from(halves));
        let z = net.add(&format!("{name}.conv1"), Conv2d::same(outputs, 3, stride), &[value]);
        let z = net.add(&format!("{name}.norm1"), BatchNorm, &[z]);
        let z = net.add(&format!("{name}.relu1"), RELU, &[z]);
        let z = net.add(&format!("{name}.conv2"), Conv2d::same(outputs, 3, 1), &[z]);
        let z = net.add(&format!("{name}.norm2"), BatchNorm, &[z]);
        let shortcut = if halves {
            // Every block that halves the image also doubles the channels.
            let x =
                net.add(&format!("{name}.shortcut.conv"), Conv2d::same(outputs, 1, 2), &[value]);
            net.add(&format!("{name}.shortcut.norm"), BatchNorm, &[x])
        } else {
            value
        };
        let z = net.add(&format!("{name}.add"), Add, &[z, shortcut]);
        net.stage(&name, z);
        value = net.add(&format!("{name}.relu2"), RELU, &[z]);
    }
    let pooled = net.add("pool", Pool::GLOBAL, &[value]);
    net.stage("pool", pooled);
    net
}
