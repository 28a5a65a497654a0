//! The shape of each architecture: parameters, names, stages.

use std::collections::BTreeSet;

use perennial::network::parse;

use crate::support::networks;

fn weights(spec: &str, input: [usize; 3]) -> usize {
    let network = parse(spec, input).unwrap();
    network.parameters().iter().map(|p| p.shape.iter().product::<usize>()).sum()
}

/// By hand.
///
/// `resnet18:20` over 3×32×32, convolutions without bias, two numbers a channel in each norm:
/// stem 3·20·9 + 40 = 580;
/// group 1, two blocks of 2·(20·20·9) + 2·40 = 7,280 → 14,560;
/// group 2, 20·40·9 + 40·40·9 + 2·80 + shortcut 20·40 + 80 = 22,640, then 2·(40·40·9) + 2·80 =
/// 28,960 → 51,600;
/// group 3, 40·80·9 + 80·80·9 + 2·160 + 40·80 + 160 = 90,080, then 115,520 → 205,600;
/// group 4, 80·160·9 + 160·160·9 + 2·320 + 80·160 + 320 = 359,360, then 461,440 → 820,800;
/// in all 1,093,140. (With a head of 100 units, 16,100, it is 1,109,240.)
///
/// `cnn` over 1×28×28: 32·9 + 64, 32·64·9 + 128, 64·7·7·128 + 128 → 420,640.
///
/// Catches: a missing or extra layer, a bias in a convolution, a shortcut too many.
#[test]
fn parameters_by_hand() {
    assert_eq!(weights("resnet18:20", [3, 32, 32]), 1_093_140);
    assert_eq!(weights("resnet18:20", [3, 8, 8]), 1_093_140);
    assert_eq!(weights("cnn", [1, 28, 28]), 352 + 18_560 + 401_536);
    assert_eq!(weights("mlp:100x100", [1, 28, 28]), 78_500 + 10_100);
    assert_eq!(parse("resnet18:20", [3, 32, 32]).unwrap().features(), 160);
}

/// Catches: names used twice, a stage that begins before the one before it ends, a convolutional net that
/// fails on odd or small images.
#[test]
fn names_are_unique_and_stages_follow_each_other() {
    let mut all = networks();
    for input in [[1, 8, 8], [1, 9, 11], [3, 32, 32]] {
        all.extend(["cnn", "resnet18:3", "resnet32:2"].map(|spec| parse(spec, input).unwrap()));
    }
    for network in all {
        let mut end = 0;
        for stage in network.stages() {
            assert!(stage.reads == end && stage.value > stage.reads, "{network:?} {stage:?}");
            let next = network.stages().iter().find(|next| next.reads >= stage.value);
            end = next.map_or(network.nodes().len(), |next| next.reads);
        }
        assert_eq!(end, network.nodes().len(), "{network:?}");
        let names: Vec<_> = network.parameters().into_iter().map(|p| p.name).collect();
        let buffers: Vec<_> = network.buffers().into_iter().map(|buffer| buffer.name).collect();
        for names in [names, buffers] {
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        }
    }
}
