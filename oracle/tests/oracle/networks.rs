//! The named networks from their definitions, stage by stage.

use crate::definition::{Definition, Value, max_pool, mean, rectify};
use burn::tensor::Tensor;

/// A network by name.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Network {
    /// Rectified linear layers, as many as here.
    Mlp(usize),
    /// Two blocks of 3×3 convolution, batch normalisation, rectifier and 2×2 maximum, and a rectified
    /// linear layer.
    Cnn,
    /// A 3×3 convolution, groups of basic blocks (He et al. 2016), and the mean.
    Residual { groups: usize, blocks: usize },
}

impl Network {
    pub(crate) fn of(spec: &str) -> Self {
        match spec.split_once(':').map_or(spec, |(name, _)| name) {
            "mlp" => Self::Mlp(spec.split('x').count()),
            "cnn" => Self::Cnn,
            "resnet18" => Self::Residual { groups: 4, blocks: 2 },
            "resnet32" => Self::Residual { groups: 3, blocks: 5 },
            _ => panic!("no definition of {spec}"),
        }
    }

    pub(crate) fn stages(self) -> usize {
        match self {
            Self::Mlp(layers) => layers,
            Self::Cnn => 3,
            Self::Residual { groups, blocks } => groups * blocks + 2,
        }
    }

    /// Images as the first stage reads them.
    pub(crate) fn input(self, images: Tensor<4>) -> Value {
        match self {
            Self::Mlp(_) => Value::Rows(images.flatten(1, 3)),
            _ => Value::Maps(images),
        }
    }

    /// One stage of a column; `lateral` is added before its activation.
    pub(crate) fn stage(
        self,
        net: &Definition<'_>,
        column: &str,
        stage: usize,
        h: Value,
        lateral: Option<Value>,
    ) -> Value {
        let at = |name: &str| format!("{column}.{name}");
        let rows = |x: Tensor<2>| {
            Value::Rows(match &lateral {
                Some(lateral) => x + lateral.clone().rows(),
                None => x,
            })
        };
        let maps = |x: Tensor<4>| {
            Value::Maps(match &lateral {
                Some(lateral) => x + lateral.clone().maps(),
                None => x,
            })
        };
        match self {
            Self::Mlp(_) => {
                rectify(rows(net.linear(&at(&format!("dense{}", stage + 1)), h.rows())))
            }
            Self::Cnn if stage == 2 => rectify(rows(net.linear(&at("dense"), h.rows()))),
            Self::Cnn => {
                let x = net.conv(&at(&format!("conv{}", stage + 1)), h.maps(), 1);
                let x = net.batch_norm(&at(&format!("norm{}", stage + 1)), x);
                // The rectifier follows the lateral; it and the maximum may be exchanged.
                rectify(maps(max_pool(x)))
            }
            Self::Residual { .. } if stage == 0 => {
                let x = net.conv(&at("stem.conv"), h.maps(), 1);
                rectify(maps(net.batch_norm(&at("stem.norm"), x)))
            }
            Self::Residual { .. } if stage + 1 == self.stages() => rows(mean(h.maps())),
            Self::Residual { blocks, .. } => {
                let at = |name: &str| format!("{column}.block{stage}.{name}");
                let halves = stage > 1 && (stage - 1).is_multiple_of(blocks);
                let (h, stride) = (h.maps(), 1 + usize::from(halves));
                let x = net.batch_norm(&at("norm1"), net.conv(&at("conv1"), h.clone(), stride));
                let x = rectify(Value::Maps(x)).maps();
                let x = net.batch_norm(&at("norm2"), net.conv(&at("conv2"), x, 1));
                let shortcut = match halves {
                    false => h,
                    true => {
                        let x = net.conv(&at("shortcut.conv"), h, 2);
                        net.batch_norm(&at("shortcut.norm"), x)
                    }
                };
                rectify(maps(x + shortcut))
            }
        }
    }

    /// The features of a column that stands alone. `[batch, features]`
    pub(crate) fn features(self, net: &Definition<'_>, images: Tensor<4>) -> Tensor<2> {
        let stages = 0..self.stages();
        stages
            .fold(self.input(images), |h, stage| self.stage(net, "column1", stage, h, None))
            .rows()
    }
}
