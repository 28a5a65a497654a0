//! How data are to be read, where there is a choice, and what a learner remembers of it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::open::{Format, OpenError, Table};
use crate::{InputSpec, Naming};

/// The most pixels a side to which images are scaled.
const LONGEST_SIDE: usize = 16_384;

/// How data are to be read, where there is a choice. The default guesses what can be guessed and
/// says so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReadOptions {
    /// The folder in which known sets lie; as `dir` of [`load`](crate::load).
    #[serde(skip)]
    pub folder: Option<PathBuf>,
    /// Data to be judged by, instead of the part that the data bring or that is set apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// Only the rows of these classes, which become the labels in this order. Empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// What classes of these data are called elsewhere: name here → name there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub map: BTreeMap<String, String>,
    /// How names of classes are compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Naming>,
    /// The column of the labels of a table, by name or number from 1, or the array of the labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Only these columns of a table are inputs, by name or number from 1. Empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Columns of a table that are no inputs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// The column that names rows: no input, and part of every answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The column of the patient, speaker, track, … that a row is of: no input. Rows of one group
    /// stay together when a test part is set apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether the first line of a CSV file names its columns. `None`: by what it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// What divides a number from its decimals in a CSV file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<Decimal>,
    /// Which of a folder's contents are the data, where it holds class folders and tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// How numbers become inputs. `None`: floats are standardised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    /// Standardised values are clipped at this distance from 0; 0 for never.
    /// `None`: [`USUAL_CLIP`](crate::USUAL_CLIP).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<f32>,
    /// Standardise the channels of images. `None`: bytes are divided only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalise: Option<Normalise>,
    /// Scale every image to this height and width. `None`: all must be of one size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<[usize; 2]>,
    /// Convert every image to grey (1) or colour (3). `None`: all must be alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<usize>,
}

/// What divides a number from its decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decimal {
    /// `1.5`
    Point,
    /// `1,5`
    Comma,
}

/// What of a folder is the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Its folders of images, named after their classes.
    Folders,
    /// Its table.
    Table,
}

/// How numbers become inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scale {
    /// Floats are standardised by the first task's means and deviations.
    #[default]
    Standard,
    /// Numbers are used as they are.
    None,
    /// Numbers are whole, from 0 to this: they are kept as bytes and divided by it.
    Divide(u8),
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard => f.write_str("standard"),
            Self::None => f.write_str("none"),
            Self::Divide(white) => white.fmt(f),
        }
    }
}

impl FromStr for Scale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "standard" => Ok(Self::Standard),
            "none" => Ok(Self::None),
            _ => match text.parse() {
                Ok(white @ 1..) => Ok(Self::Divide(white)),
                _ => Err(format!(
                    "`{text}` is no scale: expected standard, none, or the whole number from 1 to \
                     255 that is read as 1"
                )),
            },
        }
    }
}

impl TryFrom<String> for Scale {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Scale> for String {
    fn from(scale: Scale) -> Self {
        scale.to_string()
    }
}

/// The means and deviations by which the channels of images are standardised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Normalise {
    /// Those of the first task.
    First,
    /// These, one of each channel. `[channels]` each
    Given {
        /// Means of values from 0 to 1.
        mean: Vec<f64>,
        /// Above 0.
        deviation: Vec<f64>,
    },
}

impl fmt::Display for Normalise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |it: &[f64]| it.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
        match self {
            Self::First => f.write_str("first"),
            Self::Given { mean, deviation } => write!(f, "{}/{}", list(mean), list(deviation)),
        }
    }
}

impl FromStr for Normalise {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "first" {
            return Ok(Self::First);
        }
        let list = |text: &str| -> Option<Vec<f64>> {
            let numbers = text.split(',').map(|it| it.trim().parse().ok());
            numbers.map(|it: Option<f64>| it.filter(|it| it.is_finite())).collect()
        };
        let given = text.split_once('/').and_then(|(mean, deviation)| {
            let (mean, deviation) = (list(mean)?, list(deviation)?);
            let fit = mean.len() == deviation.len() && deviation.iter().all(|it| *it > 0.0);
            fit.then_some(Self::Given { mean, deviation })
        });
        given.ok_or_else(|| {
            format!(
                "`{text}` is no normalisation: expected `first`, or the means and the deviations of \
                 the channels, such as .51,.49,.44/.27,.26,.28"
            )
        })
    }
}

impl TryFrom<String> for Normalise {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Normalise> for String {
    fn from(normalise: Normalise) -> Self {
        normalise.to_string()
    }
}

impl ReadOptions {
    /// Refuses what cannot be.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let problem = match self {
            Self { scale: Some(Scale::Divide(0)), .. } => {
                "the scale is 0; give the value that is to be read as 1"
            }
            Self { resize: Some([0, _] | [_, 0]), .. } => {
                "images cannot be scaled to 0 pixels; give a height and a width"
            }
            Self { resize: Some([height, width]), .. } if (*height).max(*width) > LONGEST_SIDE => {
                "images are scaled to at most 16384 pixels a side; give less"
            }
            Self { channels: Some(channels), .. } if ![1, 3].contains(channels) => {
                "images have 1 channel (grey) or 3 (colour); ask for one of them"
            }
            Self { clip: Some(clip), .. } if !(*clip >= 0.0 && clip.is_finite()) => {
                "values are clipped at a distance of 0 (never) or more; give such a number"
            }
            _ => return Ok(()),
        };
        Err(OpenError::Impossible { problem })
    }

    /// Refuses options that say nothing of such data.
    pub(crate) fn check_applies(&self, table: &Table) -> Result<(), OpenError> {
        let format = table.format;
        let is_table = matches!(format, Format::Csv | Format::Parquet);
        let (is_list, is_text) = (format == Format::ImageList, format == Format::Csv);
        let is_arrays = matches!(format, Format::Npy | Format::Npz | Format::Safetensors);
        let is_bytes = self.scale.is_some_and(|scale| !matches!(scale, Scale::Divide(_)))
            && matches!(table.values, crate::Values::Bytes { .. });
        const TABLES: &str = "tables";
        const LISTS: &str = "tables and lists of images";
        for (is_given, flag, applies, to) in [
            (self.label.is_some(), "label", is_table || is_list || is_arrays, "tables and arrays"),
            (!self.columns.is_empty(), "columns", is_table, TABLES),
            (!self.ignore.is_empty(), "ignore", is_table || is_list, LISTS),
            (self.id.is_some(), "id", is_table || is_list, LISTS),
            (self.group.is_some(), "group", is_table || is_list, LISTS),
            (self.header.is_some(), "header", is_text || is_list, "CSV files"),
            (self.decimal.is_some(), "decimal", is_text || is_list, "CSV files"),
            (self.resize.is_some(), "resize", format.is_of_files(), "images in files"),
            (self.channels.is_some(), "channels", format.is_of_files(), "images in files"),
            (self.scale.is_some(), "scale", !is_bytes, "numbers that are no bytes"),
        ] {
            if is_given && !applies {
                let path = table.path.clone();
                let what =
                    if is_bytes && flag == "scale" { "bytes".into() } else { format.to_string() };
                return Err(OpenError::DoesNotApply { flag, path, what, applies: to });
            }
        }
        Ok(())
    }

    /// What is asked for, completed by what a learner remembers. What contradicts it is refused.
    pub(crate) fn remembering(&self, known: Option<&InputSpec>) -> Result<Self, OpenError> {
        let mut how = self.clone();
        let Some(known) = known else { return Ok(how) };
        let asked = &known.asked;
        keep("resize", &mut how.resize, &asked.resize, |[height, width]| {
            format!("{height}x{width}")
        })?;
        keep("channels", &mut how.channels, &asked.channels, ToString::to_string)?;
        // Also where the first task left the options below at their default, another value contradicts
        // it: they decide which classes are one, and what numbers the network gets.
        let usual = |scale: &Option<Scale>| Some(scale.unwrap_or_default());
        if known.kept && how.scale.is_some() {
            keep("scale", &mut how.scale, &usual(&asked.scale), ToString::to_string)?;
        }
        let usual = |labels: &Option<Naming>| Some(labels.unwrap_or_default());
        if known.kept && how.labels.is_some() {
            keep("labels", &mut how.labels, &usual(&asked.labels), |naming| match naming {
                Naming::Usual => "usual".to_owned(),
                Naming::Exact => "exact".to_owned(),
            })?;
        }
        if known.kept {
            how.labels = asked.labels;
        }
        // An older learner did not keep its options. `InputSpec::check` compares the data with it.
        how.scale = if known.kept { asked.scale } else { how.scale.or(asked.scale) };
        let clip = Some(asked.clip.unwrap_or(crate::USUAL_CLIP));
        if how.clip.is_some() {
            keep("clip", &mut how.clip, &clip, ToString::to_string)?;
        }
        how.clip = asked.clip;
        match (&how.normalise, &asked.normalise) {
            (Some(given), None) => {
                return Err(OpenError::Contradicts {
                    flag: "normalise",
                    given: given.to_string(),
                    known: "no normalisation".to_owned(),
                });
            }
            _ => keep("normalise", &mut how.normalise, &asked.normalise, ToString::to_string)?,
        }
        Ok(how)
    }

    /// The options that a learner remembers: those that decide how rows of later tasks are read.
    /// Columns are kept by the spec itself.
    pub(crate) fn to_remember(&self) -> Self {
        Self {
            folder: None,
            test: None,
            classes: Vec::new(),
            map: BTreeMap::new(),
            header: None,
            columns: Vec::new(),
            id: None,
            group: None,
            ..self.clone()
        }
    }

    /// How names of classes are compared.
    #[must_use]
    pub fn naming(&self) -> Naming {
        self.labels.unwrap_or_default()
    }
}

/// Takes what is known where nothing is given, and refuses what differs.
fn keep<T: Clone + PartialEq>(
    flag: &'static str,
    given: &mut Option<T>,
    known: &Option<T>,
    shown: impl Fn(&T) -> String,
) -> Result<(), OpenError> {
    match (&*given, known) {
        (Some(given), Some(known)) if given != known => {
            Err(OpenError::Contradicts { flag, given: shown(given), known: shown(known) })
        }
        (None, Some(known)) => {
            *given = Some(known.clone());
            Ok(())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_and_normalisations_are_read_as_they_are_written() {
        for text in ["standard", "none", "255", "16"] {
            assert_eq!(text.parse::<Scale>().unwrap().to_string(), text);
        }
        for text in ["0", "256", "big", ""] {
            assert!(text.parse::<Scale>().is_err(), "{text}");
        }
        for text in ["first", "0.5,0.25,1/1,2,3"] {
            assert_eq!(text.parse::<Normalise>().unwrap().to_string(), text);
        }
        for text in ["", "1,2", "1,2/1", "1/0", "1/-1", "x/1", "inf/1"] {
            assert!(text.parse::<Normalise>().is_err(), "{text}");
        }
    }
}
