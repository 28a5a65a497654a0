//! Networks by name.

use crate::graph::{Graph, GraphError};
use crate::networks::{CNN, cnn, mlp, resnet18, resnet32};
use crate::params::Start;

/// Why a network cannot be what was asked.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The name says no known network.
    #[error("there is no network `{spec}`: {expected}")]
    Unknown {
        /// What was asked for.
        spec: String,
        /// What there is.
        expected: String,
    },
    /// The network does not fit the data.
    #[error("the network `{network}` cannot read images of shape {shape:?}: {reason}")]
    Shape {
        /// The network.
        network: String,
        /// Channels, height, width.
        shape: [usize; 3],
        /// What it needs.
        reason: String,
    },
    /// The network does not mark where its stages end.
    #[error(
        "the network `{network}` marks no stages, which {strategy} connects: give its layers \
         `stage = \"name\"`, or in Rust `GraphBuilder::stage`"
    )]
    NoStages {
        /// The network.
        network: String,
        /// The method that asks.
        strategy: &'static str,
    },
    /// A module of another library cannot be a network.
    #[error("the module of the network `{network}` cannot be trained here: {reason}")]
    Module {
        /// The network.
        network: String,
        /// What stands against it.
        reason: String,
    },
    /// Its layers do not fit.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

/// The networks that [`parse`] knows: an example of each, and what it is.
pub const LIST: &[(&str, &str)] = &[
    (
        "mlp:100x100",
        "dense layers of these widths, rectified; mlp:100x100,init=torch or truncated-normal",
    ),
    ("cnn", "two 3×3 convolutions with batch normalisation and a dense layer; cnn:32x64x128"),
    (
        "resnet18:20",
        "the residual network of 18 layers with this many filters; 20: the GEM paper's",
    ),
    (
        "resnet32:16",
        "the residual network of 32 layers with this many filters; 16: the CIFAR papers'",
    ),
];

/// Weights of one network, at most: 1 GiB of them. A learner keeps several vectors of θ's
/// length, and a typing error should not take the machine down.
const MOST_WEIGHTS: usize = 1 << 28;
/// Units of one layer, at most: keeps the count of weights itself from overflowing.
const MOST_UNITS: usize = 1 << 20;
/// How near a name must be to be meant: half its letters right.
const NEAR: f64 = 0.5;

/// The network that `spec` names, over images of shape `input` (channels, height, width).
///
/// ```
/// let network = perennial_nn::parse("mlp:100x100", [1, 28, 28])?;
/// assert_eq!(network.features(), 100);
/// # Ok::<(), perennial_nn::NetworkError>(())
/// ```
///
/// # Errors
///
/// When there is no such network, its widths are no widths, or it cannot read such images.
pub fn parse(spec: &str, input: [usize; 3]) -> Result<Graph, NetworkError> {
    let (name, widths_text) = match spec.split_once(':') {
        Some((name, widths)) => (name, Some(widths)),
        None => (spec, None),
    };
    let unknown = |expected: String| NetworkError::Unknown { spec: spec.into(), expected };
    let widths = |example: &str| read_widths(widths_text, example).map_err(unknown);
    let network = match name {
        "mlp" => {
            let (text, start) = match widths_text.and_then(|text| text.split_once(',')) {
                Some((text, option)) => (Some(text), read_start(option).map_err(unknown)?),
                None => (widths_text, Start::Xavier),
            };
            mlp(&input, &read_widths(text, "mlp:100x100").map_err(unknown)?, start)?
        }
        "cnn" => {
            let widths = if spec == name { CNN.to_vec() } else { widths("cnn:32x64x128")? };
            let &[first, second, dense] = &widths[..] else {
                return Err(unknown(format!(
                    "it has {} widths where a cnn has three (two convolutions and a dense layer), as \
                     in cnn:32x64x128",
                    widths.len()
                )));
            };
            if input[1] < 4 || input[2] < 4 {
                let reason = "it halves height and width twice, so they must be at least 4".into();
                return Err(NetworkError::Shape { network: "cnn".into(), shape: input, reason });
            }
            cnn(input, [first, second, dense])?
        }
        "resnet18" | "resnet32" => {
            let example = if name == "resnet18" { "resnet18:20" } else { "resnet32:16" };
            let &[filters] = &widths(example)?[..] else {
                let expected = format!("a {name} takes one number, its filters, as in {example}");
                return Err(unknown(expected));
            };
            if name == "resnet18" { resnet18(input, filters)? } else { resnet32(input, filters)? }
        }
        _ => return Err(unknown(known(name))),
    };
    let weights: usize =
        network.parameters().iter().map(|p| p.shape.iter().product::<usize>()).sum();
    if weights > MOST_WEIGHTS {
        return Err(unknown(format!(
            "over {} × {} × {} inputs it would have {weights} weights, and the most is \
             {MOST_WEIGHTS}; give it smaller widths",
            input[0], input[1], input[2]
        )));
    }
    Ok(network)
}

/// `init=torch` as a start.
fn read_start(option: &str) -> Result<Start, String> {
    let known = Start::ALL.into_iter().find(|start| option == format!("init={}", start.word()));
    known.ok_or_else(|| {
        let words: Vec<String> =
            Start::ALL.iter().map(|start| format!("init={}", start.word())).collect();
        format!("`{option}` is no way to start; there are {}", words.join(", "))
    })
}

/// `100x100` as numbers, each at least 1.
fn read_widths(text: Option<&str>, example: &str) -> Result<Vec<usize>, String> {
    let text = text.unwrap_or_default();
    if text.is_empty() {
        return Err(format!("its widths are missing; write them as in {example}"));
    }
    let width = |part: &str| match part.parse::<usize>() {
        Ok(0) => Err(format!("a width must be at least 1, as in {example}")),
        Ok(width) if width > MOST_UNITS => {
            Err(format!("the width {width} is above {MOST_UNITS}, the most a layer can have"))
        }
        Ok(width) => Ok(width),
        Err(_) if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(format!("the width {part} is above {MOST_UNITS}, the most a layer can have"))
        }
        Err(_) => Err(format!(
            "`{part}` is no width; write whole numbers with an x between them, as in {example}"
        )),
    };
    text.split('x').map(width).collect()
}

/// What to say of a name that is not known.
fn known(name: &str) -> String {
    let names: Vec<&str> = LIST.iter().map(|(example, _)| *example).collect();
    let list = format!("the networks are {}", names.join(", "));
    let nearness = |example: &str| {
        let known = example.split(':').next().unwrap_or(example);
        strsim::normalized_damerau_levenshtein(&name.to_lowercase(), known)
    };
    let nearest = names
        .iter()
        .rev() // of equals, the first
        .map(|&example| (nearness(example), example))
        .filter(|&(nearness, _)| nearness >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((_, example)) => format!("did you mean {example}? {list}"),
        None => list,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(spec: &str) -> String {
        parse(spec, [1, 28, 28]).err().map(|error| error.to_string()).unwrap_or_default()
    }

    /// Catches: a spec that does not make the network that wrote it, a `LIST` entry that is none.
    #[test]
    fn a_spec_makes_the_network_that_wrote_it() {
        let listed = LIST.iter().map(|(example, _)| *example);
        for spec in listed.chain([
            "mlp:7",
            "mlp:7x5,init=torch",
            "mlp:7,init=truncated-normal",
            "cnn:3x4x5",
            "resnet18:1",
        ]) {
            assert_eq!(parse(spec, [3, 32, 32]).unwrap().name(), spec);
        }
        assert_eq!(parse("cnn:32x64x128", [1, 8, 8]).unwrap().name(), "cnn");
    }

    /// Catches: a width accepted that cannot be, and a message that does not say what to write.
    #[test]
    fn malformed_widths_are_told_what_to_write() {
        for spec in ["mlp", "mlp:", "resnet18", "cnn:", "resnet18:"] {
            assert!(message(spec).contains("its widths are missing"), "{spec}: {}", message(spec));
        }
        for spec in ["mlp:100xx", "mlp:x", "mlp:-5", "mlp:1.5", "mlp:100 x100", "cnn:1xax3"] {
            assert!(message(spec).contains("is no width"), "{spec}: {}", message(spec));
        }
        for spec in ["mlp:0", "mlp:100x0", "cnn:0x1x1", "resnet18:0"] {
            assert!(message(spec).contains("at least 1"), "{spec}: {}", message(spec));
        }
        let start = message("mlp:9,init=zero");
        assert!(start.contains("init=xavier, init=truncated-normal, init=torch"), "{start}");
        assert!(message("cnn:32x64").contains("2 widths where a cnn has three"));
        assert!(message("resnet18:20x20").contains("one number"));
    }

    /// Catches: an overflow in the count of weights (a panic in debug, a tiny count in release).
    #[test]
    fn absurd_widths_are_refused_before_anything_is_allocated() {
        for spec in ["mlp:99999999999999999999999", "mlp:1048577", "resnet18:18446744073709551615"]
        {
            assert!(message(spec).contains("is above 1048576"), "{spec}: {}", message(spec));
        }
        for spec in ["mlp:1048576x1048576", "resnet18:1048576", "cnn:1048576x1048576x1048576"] {
            assert!(
                message(spec).contains("weights, and the most is"),
                "{spec}: {}",
                message(spec)
            );
        }
    }

    /// Catches: a suggestion for anything at all, or none for a slip of the hand.
    #[test]
    fn a_slip_is_told_what_was_meant() {
        assert!(message("resnet:20").contains("did you mean resnet18:20?"));
        assert!(message("MLP:100").contains("did you mean mlp:100x100?"));
        assert!(message("mpl:100").contains("did you mean mlp:100x100?"));
        let strange = message("transformer");
        assert!(!strange.contains("did you mean"), "{strange}");
        assert!(strange.contains("the networks are mlp:100x100, cnn, resnet18:20"), "{strange}");
    }

    /// Catches: a convolutional net that would pool an image away.
    #[test]
    fn images_too_small_for_a_cnn_are_named() {
        let error = parse("cnn", [1, 3, 28]).err().unwrap().to_string();
        assert!(error.contains("[1, 3, 28]") && error.contains("at least 4"), "{error}");
        assert!(parse("cnn", [1, 4, 4]).is_ok());
        assert!(parse("resnet18:2", [1, 1, 1]).is_ok());
    }
}
