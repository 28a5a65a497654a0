//! Arrays of a safetensors file.

use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

use super::element::{Element, Kind};
use super::{Array, Store, declared, tables};
use crate::DataError;
use crate::input::Source;
use crate::open::{Format, OpenError, Request, Tables};

/// Reads the arrays of a file that are wanted.
pub(crate) fn safetensors(source: &Source<'_>, request: Request<'_>) -> Result<Tables, DataError> {
    let path = source.path();
    let bytes = source.whole()?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|error| OpenError::Malformed {
        path: path.to_path_buf(),
        format: "safetensors",
        problem: error.to_string(),
    })?;
    tables(&mut File { tensors, path }, path, Format::Safetensors, request)
}

struct File<'a> {
    tensors: SafeTensors<'a>,
    path: &'a Path,
}

impl Store for File<'_> {
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.tensors.names().iter().map(ToString::to_string).collect();
        names.sort();
        names
    }

    fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn array(&mut self, name: &str) -> Result<Array, DataError> {
        let path = self.path(name);
        let malformed = |problem: String| OpenError::Malformed {
            path: path.clone(),
            format: "safetensors",
            problem,
        };
        let tensor = self.tensors.tensor(name).map_err(|error| malformed(error.to_string()))?;
        let Some(element) = element(tensor.dtype()) else {
            let found = format!("{:?}", tensor.dtype());
            let expected = "numbers of 1 to 8 bytes or truths";
            return Err(OpenError::ArrayType { path, found, expected }.into());
        };
        let bytes = tensor.data();
        declared(tensor.shape(), element, bytes.len() as u64, &path)?;
        let data = element.decode(bytes.to_vec()).map_err(malformed)?;
        Ok(Array { shape: tensor.shape().to_vec(), data })
    }
}

fn element(dtype: Dtype) -> Option<Element> {
    let (kind, size) = match dtype {
        Dtype::BOOL => (Kind::Truth, 1),
        Dtype::U8 => (Kind::Unsigned, 1),
        Dtype::U16 => (Kind::Unsigned, 2),
        Dtype::U32 => (Kind::Unsigned, 4),
        Dtype::U64 => (Kind::Unsigned, 8),
        Dtype::I8 => (Kind::Signed, 1),
        Dtype::I16 => (Kind::Signed, 2),
        Dtype::I32 => (Kind::Signed, 4),
        Dtype::I64 => (Kind::Signed, 8),
        Dtype::F16 => (Kind::Float, 2),
        Dtype::F32 => (Kind::Float, 4),
        Dtype::F64 => (Kind::Float, 8),
        Dtype::BF16 => (Kind::Brain, 2),
        _ => return None,
    };
    Some(Element { kind, size, big_endian: false })
}
