//! The networks that have names.

use perennial_nn::params::Start;
use perennial_nn::{cnn, mlp, resnet18, resnet32};

use crate::definition::assert_gradients;
use crate::net::{DEEP, EVALUATES, KEEPS, LEARNS, Net, assert_near, bits};

/// Catches: a layer that reads another value, a gradient that is lost or counted twice where values have
/// several readers, statistics of a batch taken for constants.
#[test]
fn gradients_of_a_perceptron() {
    let net = Net::new(mlp(&[1, 5, 6], &[9, 7, 8], Start::Torch).unwrap(), &[3]);
    assert_gradients(&net, 6, KEEPS, 1e-5);
    // Wide enough for products of sparse rows.
    let net = Net::new(mlp(&[40], &[20, 17], Start::He).unwrap(), &[3]);
    assert_gradients(&net, 6, KEEPS, 1e-5);
}

#[test]
fn gradients_of_a_cnn() {
    let net = Net::new(cnn([2, 9, 8], [3, 4, 6]).unwrap(), &[3]);
    assert_gradients(&net, 5, KEEPS, 1e-5);
    assert_gradients(&net, 5, LEARNS, 1e-5);
}

#[test]
fn gradients_of_residual_networks() {
    let net = Net::new(resnet18([3, 8, 8], 2).unwrap(), &[3]);
    assert_gradients(&net, 3, KEEPS, DEEP);
    assert_gradients(&net, 3, LEARNS, DEEP);
    let net = Net::new(resnet32([1, 8, 8], 2).unwrap(), &[3]);
    assert_gradients(&net, 3, KEEPS, DEEP);
    assert_gradients(&net, 3, LEARNS, DEEP);
}

/// Running statistics go a tenth of the way to those of the batch; fixed ones and passes without
/// training leave them to the bit.
/// Catches: a variance that is not the unbiased one, a momentum of the other share, a pass that moves
/// what is fixed.
#[test]
fn running_statistics_follow_the_batch() {
    let net = Net::new(cnn([2, 4, 4], [3, 2, 4]).unwrap(), &[2]);
    let (rows, x, executable) = (6, net.samples(6), net.executable());
    let mut trace = perennial_nn::Trace::default();
    let mut moved = net.buffers.clone();
    for how in [EVALUATES, KEEPS] {
        net.run(&executable, &mut moved, how, |run| {
            trace.input.clone_from(&x);
            executable.forward(rows, run, &mut trace);
        });
        assert_eq!(moved, net.buffers);
    }
    net.run(&executable, &mut moved, LEARNS, |run| {
        executable.forward(rows, run, &mut trace);
    });
    // The first convolution's outputs, from the definition.
    let weight: Vec<f64> = net.theta[..3 * 2 * 9].iter().map(|&w| f64::from(w)).collect();
    let plain = perennial_nn::check::Plain {
        rows,
        shapes: vec![vec![2, 4, 4]],
        inputs: vec![x.iter().map(|&x| f64::from(x)).collect()],
        parameters: vec![weight],
        buffers: Vec::new(),
        learns: true,
    };
    let y = crate::plain::forward(net.graph.nodes()[0].layer.as_ref(), &plain);
    for c in 0..3 {
        let own: Vec<f64> = y.chunks(16).skip(c).step_by(3).flatten().copied().collect();
        let count = own.len() as f64;
        let mean = own.iter().sum::<f64>() / count;
        let variance = own.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let [before, before_variance] = [net.buffers[c], net.buffers[3 + c]].map(f64::from);
        let wanted =
            [before + 0.1 * (mean - before), before_variance + 0.1 * (variance - before_variance)];
        assert_near("running statistics", &[moved[c], moved[3 + c]], &wanted, 1e-6);
    }
}

/// An answer has the same bits alone and in any batch, over sides where the kernels of products change
/// the order of their sums. Catches: an evaluation whose kernel depends on the rows.
#[test]
fn answers_do_not_depend_on_the_batch() {
    for (inputs, outputs) in [(30, 70), (600, 3), (600, 70), (1100, 130)] {
        let net = Net::new(mlp(&[inputs], &[outputs], Start::Torch).unwrap(), &[5]);
        let x = net.samples(131);
        let all = net.forward(&x, 131, EVALUATES);
        for (first, rows) in [(0, 1), (130, 1), (3, 7), (60, 8), (1, 64), (5, 65)] {
            let own = &x[first * inputs..(first + rows) * inputs];
            let found = net.forward(own, rows, EVALUATES);
            let wanted = &all[first * 5..(first + rows) * 5];
            assert_eq!(bits(&found), bits(wanted), "{inputs} × {outputs}, {rows} rows");
        }
    }
}
