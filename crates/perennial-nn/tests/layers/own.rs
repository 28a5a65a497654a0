//! A layer of one's own, and what the suite says of wrong ones.

use perennial_nn::check;
use perennial_nn::layer::{Backward, Forward, Layer, Op, Shapes, Statistic, Sums, Target};
use perennial_nn::params::{Init, Parameter};

/// y = s x² with one learnt number s, and mistakes to choose from.
#[derive(Clone, Copy, Debug, Default)]
struct Square {
    wrong: Wrong,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Wrong {
    #[default]
    Nothing,
    Gradient,
    ParameterGradient,
    Adding,
    Statistics,
    Neighbours,
    Threads,
}

struct Bound(Wrong, Vec<usize>);

impl Layer for Square {
    fn kind(&self) -> &'static str {
        "square"
    }
    fn settings(&self) -> toml::Table {
        toml::Table::new()
    }
    fn parameters(&self, _: &[&[usize]]) -> Result<Vec<Parameter>, String> {
        Ok(vec![Parameter::new("scale", &[1], Init::Constant(1.0))])
    }
    fn bind(&self, shapes: &Shapes<'_>) -> Result<Box<dyn Op>, String> {
        Ok(Box::new(Bound(self.wrong, shapes.inputs[0].to_vec())))
    }
}

impl Op for Bound {
    fn output(&self) -> &[usize] {
        &self.1
    }

    fn forward(&self, call: &mut Forward<'_>) {
        let scale = call.parameters.get(0)[0];
        let own = call.output.iter_mut().zip(call.inputs.get(0));
        own.for_each(|(y, x)| *y = scale * x * x);
        match self.0 {
            Wrong::Neighbours if !call.keeps => call.output[0] += call.rows as f32,
            Wrong::Threads => call.output[0] += rayon::current_num_threads() as f32,
            _ => {}
        }
    }

    fn backward(&self, call: &mut Backward<'_>, inputs: &mut [Option<Target<'_>>]) {
        let [Some(to)] = inputs else { return };
        let factor = if self.0 == Wrong::Gradient { 1.99 } else { 2.0 } * call.parameters.get(0)[0];
        let terms = call.output_gradient.iter().zip(call.inputs.get(0));
        let made: Vec<f32> = terms.map(|(d, x)| factor * d * x).collect();
        to.add &= self.0 != Wrong::Adding;
        to.put(&made);
    }

    fn parameter_gradient(&self, _: usize, call: &mut Backward<'_>, mut to: Target<'_>) {
        let terms = call.output_gradient.iter().zip(call.inputs.get(0)).map(|(d, x)| d * x * x);
        let skipped = usize::from(self.0 == Wrong::ParameterGradient);
        to.put(&[terms.skip(skipped).sum()]);
    }

    fn sample_statistics(&self, call: &mut Backward<'_>, of: Statistic, sums: &mut [Sums<'_>]) {
        let each = match self.0 {
            Wrong::Statistics => 1, // h of each position and not of a sample
            _ => self.1.iter().product(),
        };
        let terms = call.output_gradient.chunks(each).zip(call.inputs.get(0).chunks(each));
        for (d, x) in terms {
            let gradient: f32 = d.iter().zip(x).map(|(d, x)| d * x * x).sum();
            sums[0][0] += f64::from(of.of(gradient));
        }
    }
}

/// Catches: a suite that passes everything, or that fails a layer which is right.
#[test]
fn the_suite_finds_what_is_wrong() {
    check::layer(&Square::default(), &[&[2, 3]]).unwrap();
    for (wrong, found) in [
        (Wrong::Gradient, "the gradient by input 0 is"),
        (Wrong::ParameterGradient, "the gradient by parameter 0 is"),
        (Wrong::Adding, "the gradient by input 0, added to 0.5,"),
        (Wrong::Statistics, "the sum over samples (Square) of parameter 0"),
        (Wrong::Threads, "a pass on 2 threads changes bits"),
        (Wrong::Neighbours, "a batch of 1 rows and not 131 changes bits"),
    ] {
        let error = check::layer(&Square { wrong }, &[&[2, 3]]).unwrap_err().to_string();
        let begins = "the layer `square` over [[2, 3]] does not pass: ";
        assert!(error.starts_with(begins) && error.contains(found), "{wrong:?}: {error}");
    }
}
