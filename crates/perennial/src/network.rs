//! Networks: graphs of layers, by name or built in Rust; with the feature `burn`, a module of Burn.

#[cfg(feature = "burn")]
pub mod burn;

use std::sync::Arc;

pub use perennial_nn::params::{Buffer, Init, Parameter, Start};
pub use perennial_nn::{
    Graph, GraphBuilder, GraphError, LIST, Lateral, LateralKind, NetworkError, Stage, check, layer,
};

/// The network that `spec` names, over inputs of shape `input` (channels, height, width).
///
/// ```
/// let network = perennial::network::parse("mlp:100x100", [1, 28, 28])?;
/// assert_eq!(network.features(), 100);
/// # Ok::<(), perennial::network::NetworkError>(())
/// ```
///
/// # Errors
///
/// When there is no such network, its widths are no widths, or it cannot read such inputs.
pub fn parse(spec: &str, input: [usize; 3]) -> Result<Arc<Graph>, NetworkError> {
    perennial_nn::parse(spec, input).map(Arc::new)
}

/// The widest form of a network, of widths up to `most` times its own, that `fits`; its narrowest
/// where none does. `fits` must be monotone in the width.
pub(crate) fn widest(
    network: &Arc<Graph>,
    most: f64,
    fits: impl Fn(&Graph) -> bool,
) -> Result<Arc<Graph>, NetworkError> {
    /// Halvings of the range of factors: widths of millions are told apart.
    const HALVINGS: usize = 24;
    let (mut fitting, mut too_wide) = (0.0, most);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(fitting, too_wide);
        if fits(&network.scaled(middle)?) {
            fitting = middle;
        } else {
            too_wide = middle;
        }
    }
    Ok(Arc::new(network.scaled(fitting)?))
}
