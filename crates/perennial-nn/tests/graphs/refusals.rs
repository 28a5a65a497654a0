//! Graphs that are refused, each with one sentence that names the layer.

use perennial_nn::layer::{
    Activation, Add, Conv2d, Flatten, Join, Layer, Linear, Nonlinearity, Pool,
};
use perennial_nn::params::Start;
use perennial_nn::{Graph, GraphBuilder};

const RELU: Activation = Activation(Nonlinearity::Relu);

fn linear(outputs: usize) -> Linear {
    Linear::new(outputs, Start::He)
}

/// A network of one layer.
fn one<L: Layer + Clone + 'static>(
    name: &'static str,
    layer: L,
    inputs: &'static [usize],
) -> impl Fn(&mut GraphBuilder) {
    move |net| {
        net.add(name, layer.clone(), inputs);
    }
}

fn message(input: &[usize], of: impl Fn(&mut GraphBuilder)) -> String {
    let mut net = Graph::builder("mine", input);
    of(&mut net);
    net.build().err().map(|error| error.to_string()).unwrap_or_default()
}

/// Catches: a graph that is built although a pass through it would fail or compute something else.
#[test]
fn layers_that_do_not_fit() {
    let fails = |input: &[usize], of: &dyn Fn(&mut GraphBuilder), layer: &str, found: &[&str]| {
        let message = message(input, of);
        let begins = format!("the layer `{layer}` of the network `mine` does not fit: ");
        assert!(message.starts_with(&begins), "{message}");
        assert!(found.iter().all(|found| message.contains(found)), "{message}");
        assert!(!message.contains('\n'), "{message}");
    };
    fails(
        &[4],
        &|net| {
            net.add("a", linear(3), &[0]);
            net.add("a", linear(3), &[1]);
        },
        "a",
        &["same name"],
    );
    fails(
        &[4],
        &|net| {
            net.add("a", linear(3), &[0]);
            net.add("b", RELU, &[2]);
        },
        "b",
        &["value 2", "not made before it"],
    );
    fails(
        &[4],
        &|net| {
            let a = net.add("a", linear(3), &[0]);
            let b = net.add("b", linear(5), &[0]);
            net.add("sum", Add, &[a, b]);
        },
        "sum",
        &["[3]", "[5]", "one shape"],
    );
    fails(&[4], &one("sum", Add, &[]), "sum", &["given none"]);
    fails(&[4], &one("a", linear(3), &[0, 0]), "a", &["one input", "given 2"]);
    fails(&[4], &one("a", linear(0), &[0]), "a", &["at least one output"]);
    fails(&[1, 4, 4], &one("a", linear(3), &[0]), "a", &["[1, 4, 4]", "`flatten`"]);
    fails(&[4], &one("a", Conv2d::same(2, 3, 1), &[0]), "a", &["images", "[4]"]);
    let small = Conv2d { padding: perennial_nn::Size::square(0), ..Conv2d::same(2, 5, 1) };
    fails(&[1, 4, 4], &one("a", small, &[0]), "a", &["5x5", "4x4"]);
    fails(&[1, 4, 4], &one("a", Pool::max(5), &[0]), "a", &["5x5", "4x4"]);
    let sequences = one("a", Join, &[0, 0]);
    fails(&[3, 4], &sequences, "a", &["vectors or images", "[3, 4]"]);
    // What follows a layer that does not fit is not what is reported.
    fails(
        &[4],
        &|net| {
            let a = net.add("a", linear(0), &[0]);
            net.add("b", linear(3), &[a]);
            net.add("b", linear(3), &[99]);
        },
        "a",
        &["at least one output"],
    );
}

/// Catches: a graph whose heads have nothing to read, or a stage that laterals cannot attach to.
#[test]
fn graphs_that_do_not_serve() {
    let fails = |of: &dyn Fn(&mut GraphBuilder), found: &[&str]| {
        let message = message(&[1, 4, 4], of);
        assert!(message.starts_with("the network `mine` cannot be used: "), "{message}");
        assert!(found.iter().all(|found| message.contains(found)), "{message}");
        assert!(!message.contains('\n'), "{message}");
    };
    fails(&|_| {}, &["no layers"]);
    fails(&one("a", RELU, &[0]), &["`a`", "[1, 4, 4]", "`flatten`"]);
    fails(
        &|net| {
            net.add("a", Conv2d::same(2, 3, 1), &[0]);
            net.add("b", Flatten, &[0]);
        },
        &["no layer reads `a`"],
    );
    fails(
        &|net| {
            let a = net.add("a", Conv2d::same(1, 3, 1), &[0]);
            net.stage("first", a);
            let b = net.add("b", RELU, &[a]);
            let c = net.add("c", Add, &[b, 0]);
            net.add("d", Flatten, &[c]);
        },
        &["`c`", "`first`"],
    );
    fails(
        &|net| {
            net.add("a", Flatten, &[0]);
            net.stage("first", 7);
        },
        &["`first`", "value 7"],
    );
    fails(
        &|net| {
            let a = net.add("a", Flatten, &[0]);
            net.stage("first", a);
            net.stage("second", a);
        },
        &["`first`", "`second`"],
    );
}

/// A skip within a stage is no jump. Catches: a residual network that is refused.
#[test]
fn a_skip_within_a_stage() {
    let skips = |net: &mut GraphBuilder| {
        let a = net.add("a", linear(4), &[0]);
        net.stage("first", a);
        let b = net.add("b", RELU, &[a]);
        let c = net.add("c", linear(4), &[b]);
        let d = net.add("d", Add, &[c, b]);
        net.stage("second", d);
        net.add("e", RELU, &[d]);
    };
    assert_eq!(message(&[4], skips), "");
}

/// Catches: a width that grows although its layer has one only, a wider graph of other stages.
#[test]
fn widths() {
    let mut net = Graph::builder("mine", &[4, 5, 5]);
    let a = net.add("a", Conv2d { groups: 2, ..Conv2d::same(4, 3, 1) }, &[0]);
    net.add("pool", Pool::GLOBAL, &[a]);
    let error = net.build().unwrap().scaled(2.0).err().unwrap().to_string();
    assert!(error.contains("`a`") && error.contains("groups"), "{error}");

    let mut net = Graph::builder("mine", &[4]);
    let a = net.add("a", linear(3), &[0]);
    net.stage("first", a);
    net.add("b", RELU, &[a]);
    let graph = net.build().unwrap();
    let wider = graph.scaled(1.5).unwrap();
    assert_eq!((wider.features(), wider.stages()), (5, graph.stages()));
    assert_eq!(wider.parameters()[0].shape, [4, 5]);
    assert_eq!(graph.scaled(0.1).unwrap().features(), 1);
}
