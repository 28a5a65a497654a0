//! The header, the tensors and the bytes are as the docs say, and as they were.

use perennial::state::{Kind, SaveState, State, StateError, Tensor, to_state};
use perennial::{Mask, Vector};
use safetensors::tensor::TensorView;
use serde::Serialize;
use serde_json::{Value, json};

use super::penalty;

#[test]
fn a_state_is_what_the_docs_say() {
    let state = to_state(&penalty()).unwrap();
    let header = json!({
        "lambda": 0.5,
        "steps": u64::MAX,
        "anchors": [
            { "fisher": { "$tensor": "anchors.0.fisher" }, "phase": "Train" },
            {
                "fisher": { "$tensor": "anchors.1.fisher" },
                "phase": { "Prune": {
                    "share": { "$f64": "7ff0000000000000" },
                    "scores": { "$tensor": "anchors.1.phase.Prune.scores" },
                } },
            },
        ],
        "owners": { "$tensor": "owners" },
        "seed": null,
    });
    assert_eq!(state.header, header);
    let tensor = |kind, len, bytes: &[u8]| Tensor { kind, shape: vec![len], bytes: bytes.to_vec() };
    let tensors = [
        // 1.0 is 0x3f800000 and −2.0 is 0xc0000000.
        ("anchors.0.fisher", tensor(Kind::F32, 2, &[0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0])),
        ("anchors.1.fisher", tensor(Kind::F32, 1, &[0, 0, 0xc0, 0x7f])),
        ("anchors.1.phase.Prune.scores", tensor(Kind::F32, 0, &[])),
        ("owners", tensor(Kind::Bits, 3, &[0b101])),
    ];
    assert_eq!(state.tensors, tensors.map(|(name, tensor)| (name.to_owned(), tensor)).into());
}

/// The bytes of a state written by hand: whoever changes them makes a new format.
#[test]
fn the_bytes_are_as_they_were() {
    #[derive(Serialize)]
    struct Small {
        omega: Vector,
        owners: Mask,
        t: i32,
    }
    let omega = Vector::from(vec![1.0]);
    let owners = Mask::from_bytes(vec![1; 9]);
    let bytes = to_state(&Small { omega, owners, t: -1 }).unwrap().to_bytes().unwrap();
    let envelope = concat!(
        r#"{"bits":{"owners":9},"format":1,"header":{"omega":{"$tensor":"omega"},"#,
        r#""owners":{"$tensor":"owners"},"t":-1}}"#,
    );
    let mut json = format!(
        concat!(
            r#"{{"__metadata__":{{"perennial":{}}},"#,
            r#""omega":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}},"#,
            r#""owners":{{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}}}"#,
        ),
        Value::from(envelope),
    );
    while !json.len().is_multiple_of(8) {
        json.push(' ');
    }
    let mut expected = (json.len() as u64).to_le_bytes().to_vec();
    expected.extend_from_slice(json.as_bytes());
    expected.extend_from_slice(&[0, 0, 0x80, 0x3f, 0xff, 1]);
    assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&expected));
    assert_eq!(bytes, expected);
}

#[test]
fn objects_can_be_saved() {
    let value = penalty();
    let object: &dyn SaveState = &value;
    let state = object.save_state().unwrap();
    assert_eq!(state.header, to_state(&value).unwrap().header);
    assert_eq!(state.tensors.len(), 4);
}

#[test]
fn other_formats_are_refused() {
    let bytes = to_state(&7).unwrap().to_bytes().unwrap();
    let at = bytes.windows(8).position(|w| w == b"format\\\"").unwrap() + 9;
    let mut newer = bytes.clone();
    assert_eq!(newer[at], b'1');
    newer[at] = b'2';
    let error = State::from_bytes(&newer).unwrap_err();
    assert!(matches!(error, StateError::UnknownVersion { found: 2, supported: 1 }), "{error}");

    let foreign = safetensors::serialize(Vec::<(String, TensorView<'_>)>::new(), None).unwrap();
    let said = State::from_bytes(&foreign).unwrap_err().to_string();
    assert!(said.contains("hold no saved state"), "{said}");

    let said = State::from_bytes(&bytes[..bytes.len() - 1]).unwrap_err().to_string();
    assert!(said.contains("not in the safetensors format"), "{said}");
}
