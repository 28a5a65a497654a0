//! What dropout draws.

use perennial_nn::layer::{Dropout, Flatten, Join};
use perennial_nn::{Graph, Trace};
use rayon::ThreadPoolBuilder;

use crate::net::{How, Net, bits};

/// What each number of `rows` rows of ones becomes.
fn factors(graph: &Graph, rows: usize, key: Option<u64>) -> Vec<f32> {
    let mut net = Net::new(graph.clone(), &[]);
    net.theta.fill(1.0); // what joins weighs by
    let (executable, mut trace) = (net.executable(), Trace::default());
    let how = How { keeps: true, learns: false, key };
    net.run(&executable, &mut [], how, |run| {
        trace.input = vec![1.0; rows * graph.input().iter().product::<usize>()];
        executable.forward_features(rows, run, &mut trace);
    });
    trace.features(&executable).to_vec()
}

fn graph(input: &[usize], rate: f32) -> Graph {
    let mut net = Graph::builder("dropout", input);
    let z = net.add("dropout", Dropout { rate }, &[0]);
    net.add("flatten", Flatten, &[z]);
    net.build().unwrap()
}

/// Rows and numbers of a row: long enough for several threads.
const ROWS: usize = 400;
const WIDTH: usize = 1000;

/// Standard deviations that a share of draws may lie from its expectation: once in 1.7 million.
const DEVIATIONS: f64 = 5.0;

fn assert_share(what: &str, found: usize, of: usize, expected: f64) {
    let deviation = (expected * (1.0 - expected) / of as f64).sqrt();
    let share = found as f64 / of as f64;
    assert!((share - expected).abs() <= DEVIATIONS * deviation, "{what}: {share} of {of}");
}

/// The share of what is dropped, over all, in each row, at each place, and of neighbours together.
/// Catches: a threshold of the wrong side, a scale that moves the mean, rows or places that share draws.
#[test]
fn drops_its_share() {
    for rate in [0.1f32, 0.5, 0.8] {
        let found = factors(&graph(&[WIDTH], rate), ROWS, Some(3));
        let (scale, rate) = (1.0 / (1.0 - rate), f64::from(rate));
        assert!(found.iter().all(|&x| x == 0.0 || x == scale));
        let dropped = |at: usize| found[at] == 0.0;
        let count =
            |places: &mut dyn Iterator<Item = usize>| places.filter(|&at| dropped(at)).count();
        assert_share("all", count(&mut (0..ROWS * WIDTH)), ROWS * WIDTH, rate);
        for row in 0..ROWS {
            let own = count(&mut (row * WIDTH..(row + 1) * WIDTH));
            assert_share(&format!("row {row}"), own, WIDTH, rate);
        }
        for place in 0..WIDTH {
            let own = count(&mut (place..ROWS * WIDTH).step_by(WIDTH));
            assert_share(&format!("place {place}"), own, ROWS, rate);
        }
        for (what, distance) in [("beside", 1), ("two away", 2), ("below", WIDTH), ("16", 16)] {
            let pairs = 0..ROWS * WIDTH - distance;
            let both = pairs.clone().filter(|&at| dropped(at) && dropped(at + distance)).count();
            assert_share(what, both, pairs.len(), rate * rate);
        }
    }
    let none = factors(&graph(&[WIDTH], 0.0), ROWS, Some(3));
    assert!(none.iter().all(|&x| x == 1.0));
    assert_eq!(factors(&graph(&[WIDTH], 0.9), ROWS, None), vec![1.0; ROWS * WIDTH]);
}

/// Catches: draws in the order of threads or of a layout.
#[test]
fn threads_and_layouts_draw_the_same() {
    let (vectors, images) = (graph(&[WIDTH], 0.4), graph(&[10, 20, 5], 0.4));
    let wanted = factors(&vectors, ROWS, Some(9));
    for threads in [1, 2, 5] {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for graph in [&vectors, &images] {
            let found = pool.install(|| factors(graph, ROWS, Some(9)));
            assert_eq!(bits(&found), bits(&wanted), "{threads} threads");
        }
    }
}

/// Catches: draws that depend on how many rows there are.
#[test]
fn a_row_draws_by_its_number() {
    for input in [&[30][..], &[5, 3, 2]] {
        let graph = graph(input, 0.4);
        let all = factors(&graph, 70, Some(9));
        for rows in [1, 2, 17, 64] {
            assert_eq!(bits(&factors(&graph, rows, Some(9))), bits(&all[..rows * 30]));
        }
    }
}

/// Catches: a key that is left out of the draws, a layer's number that is.
#[test]
fn passes_and_layers_draw_apart() {
    let mut net = Graph::builder("two", &[WIDTH]);
    let a = net.add("a", Dropout { rate: 0.5 }, &[0]);
    let b = net.add("b", Dropout { rate: 0.5 }, &[0]);
    net.add("join", Join, &[a, b]);
    let graph = net.build().unwrap();
    let [first, second] = [3, 4].map(|key| factors(&graph, 50, Some(key)));
    let halves = |row: &[f32]| {
        row.split_at(WIDTH).0.iter().zip(&row[WIDTH..]).filter(|(a, b)| a == b).count()
    };
    let same: usize = first.chunks(2 * WIDTH).map(halves).sum();
    assert_share("two layers", same, 50 * WIDTH, 0.5);
    let same = first.iter().zip(&second).filter(|(a, b)| a == b).count();
    assert_share("two passes", same, first.len(), 0.5);
}
