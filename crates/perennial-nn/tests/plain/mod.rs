//! Every layer from its definition: loops in double precision, samples one after another.

use perennial_nn::check::Plain;
use perennial_nn::layer::Layer;

/// What a built-in layer should compute.
pub(crate) fn forward(layer: &dyn Layer, plain: &Plain) -> Vec<f64> {
    let settings = layer.settings();
    let sides = |key: &str, default: usize| match settings.get(key) {
        Some(toml::Value::Array(sides)) => [0, 1].map(|i| sides[i].as_integer().unwrap() as usize),
        side => [side.map_or(default, |side| side.as_integer().unwrap() as usize); 2],
    };
    let x = &plain.inputs[0];
    let map = |of: fn(f64) -> f64| x.iter().map(|&x| of(x)).collect();
    let image = *plain.shapes[0].first_chunk::<3>().unwrap_or(&[1, 1, 1]);
    match layer.kind() {
        "linear" => linear(plain),
        "conv2d" => {
            let groups = sides("groups", 1)[0];
            conv2d(plain, sides("stride", 1), sides("padding", 0), (groups, sides("kernel", 1)))
        }
        "batch_norm" => batch_norm(plain),
        "layer_norm" => layer_norm(plain),
        "relu" => map(|x| x.max(0.0)),
        "gelu" => map(|x| 0.5 * x * (1.0 + libm::erf(x / 2f64.sqrt()))),
        "tanh" => map(f64::tanh),
        "max_pool" => pool(x, image, window(&settings, sides("window", 1), image), |window| {
            window.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        }),
        "average_pool" | "global_pool" => {
            pool(x, image, window(&settings, sides("window", 1), image), |window| {
                window.iter().sum::<f64>() / window.len() as f64
            })
        }
        "dropout" | "flatten" => x.clone(),
        "embedding" => embedding(plain, sides("tokens", 0)[0]),
        "add" => (0..x.len()).map(|i| plain.inputs.iter().map(|input| input[i]).sum()).collect(),
        "join" => join(plain),
        "subsample" => subsample(x, image, sides("stride", 1), sides("size", 1)),
        kind => panic!("the tests have no definition of `{kind}`"),
    }
}

/// The window of a pool; the whole image where it has none.
fn window(settings: &toml::Table, window: [usize; 2], image: [usize; 3]) -> [usize; 2] {
    if settings.contains_key("window") { window } else { [image[1], image[2]] }
}

fn linear(plain: &Plain) -> Vec<f64> {
    let (inputs, weight) = (*plain.shapes[0].last().unwrap(), &plain.parameters[0]);
    let outputs = weight.len() / inputs;
    let mut y = Vec::new();
    for x in plain.inputs[0].chunks(inputs) {
        for o in 0..outputs {
            let bias = plain.parameters.get(1).map_or(0.0, |bias| bias[o]);
            y.push(bias + (0..inputs).map(|i| x[i] * weight[i * outputs + o]).sum::<f64>());
        }
    }
    y
}

fn conv2d(
    plain: &Plain,
    stride: [usize; 2],
    padding: [usize; 2],
    (groups, [tall, wide]): (usize, [usize; 2]),
) -> Vec<f64> {
    let &[channels, height, width] = &plain.shapes[0][..] else { panic!("no image") };
    let (weight, of_group) = (&plain.parameters[0], channels / groups);
    let outputs = weight.len() / (of_group * tall * wide);
    let [rows, columns] =
        [0, 1].map(|i| ([height, width][i] + 2 * padding[i] - [tall, wide][i]) / stride[i] + 1);
    let mut y = Vec::new();
    for x in plain.inputs[0].chunks(channels * height * width) {
        for at in 0..outputs * rows * columns {
            let (o, row, column) = (at / (rows * columns), at / columns % rows, at % columns);
            let mut sum = plain.parameters.get(1).map_or(0.0, |bias| bias[o]);
            for tap in 0..of_group * tall * wide {
                let (c, dy, dx) = (tap / (tall * wide), tap / wide % tall, tap % wide);
                let c = o / (outputs / groups) * of_group + c;
                let (py, px) = (row * stride[0] + dy, column * stride[1] + dx);
                let inside = (padding[0]..padding[0] + height).contains(&py)
                    && (padding[1]..padding[1] + width).contains(&px);
                if inside {
                    let pixel = (c * height + py - padding[0]) * width + px - padding[1];
                    sum += weight[o * of_group * tall * wide + tap] * x[pixel];
                }
            }
            y.push(sum);
        }
    }
    y
}

/// The constant of both normalisations.
const EPSILON: f64 = 1e-5;

fn batch_norm(plain: &Plain) -> Vec<f64> {
    let (x, rows) = (&plain.inputs[0], plain.rows);
    let (channels, [gamma, beta]) = (plain.shapes[0][0], [0, 1].map(|i| &plain.parameters[i]));
    let pixels = x.len() / rows / channels;
    let mut y = x.clone();
    for c in 0..channels {
        let places: Vec<usize> =
            (0..x.len()).filter(|place| place / pixels % channels == c).collect();
        let count = places.len() as f64;
        let (mut mean, mut variance) = (plain.buffers[0][c], plain.buffers[1][c]);
        if plain.learns {
            mean = places.iter().map(|&place| x[place]).sum::<f64>() / count;
            variance = places.iter().map(|&place| (x[place] - mean).powi(2)).sum::<f64>() / count;
        }
        for place in places {
            y[place] = gamma[c] * (x[place] - mean) / (variance + EPSILON).sqrt() + beta[c];
        }
    }
    y
}

fn layer_norm(plain: &Plain) -> Vec<f64> {
    let width = *plain.shapes[0].last().unwrap();
    let [gamma, beta] = [0, 1].map(|i| &plain.parameters[i]);
    let mut y = Vec::new();
    for x in plain.inputs[0].chunks(width) {
        let mean = x.iter().sum::<f64>() / width as f64;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
        let normal = x.iter().map(|x| (x - mean) / (variance + EPSILON).sqrt());
        y.extend(normal.enumerate().map(|(i, x)| gamma[i] * x + beta[i]));
    }
    y
}

/// `of` the numbers of each window that lies in the image.
fn pool(
    x: &[f64],
    [_, height, width]: [usize; 3],
    [tall, wide]: [usize; 2],
    of: fn(&[f64]) -> f64,
) -> Vec<f64> {
    let mut y = Vec::new();
    for plane in x.chunks(height * width) {
        for top in (0..=height - tall).step_by(tall) {
            for left in (0..=width - wide).step_by(wide) {
                let pixels = (0..tall * wide).map(|at| (top + at / wide, left + at % wide));
                let window: Vec<f64> = pixels.map(|(y, x)| plane[y * width + x]).collect();
                y.push(of(&window));
            }
        }
    }
    y
}

fn embedding(plain: &Plain, tokens: usize) -> Vec<f64> {
    let table = &plain.parameters[0];
    let width = table.len() / tokens;
    let mut y = Vec::new();
    for &number in &plain.inputs[0] {
        match (0..tokens).find(|&token| token as f64 == number) {
            Some(token) => y.extend(&table[token * width..][..width]),
            None => y.extend(vec![0.0; width]),
        }
    }
    y
}

fn join(plain: &Plain) -> Vec<f64> {
    let mut y = Vec::new();
    for row in 0..plain.rows {
        for (input, alpha) in plain.inputs.iter().zip(&plain.parameters[0]) {
            let len = input.len() / plain.rows;
            y.extend(input[row * len..][..len].iter().map(|x| alpha * x));
        }
    }
    y
}

fn subsample(
    x: &[f64],
    [_, height, width]: [usize; 3],
    stride: [usize; 2],
    size: [usize; 2],
) -> Vec<f64> {
    let mut y = Vec::new();
    for plane in x.chunks(height * width) {
        for at in 0..size[0] * size[1] {
            let (row, column) = (at / size[1] * stride[0], at % size[1] * stride[1]);
            y.push(plane[row * width + column]);
        }
    }
    y
}
