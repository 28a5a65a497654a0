//! What cannot be saved or restored is named with its place.

use std::collections::BTreeMap;

use perennial::Vector;
use perennial::state::{Kind, State, StateError, from_state, to_state};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Penalty, penalty, round_trip};

fn refused(value: &impl Serialize) -> String {
    to_state(value).unwrap_err().to_string()
}

#[test]
fn what_cannot_be_saved_is_named() {
    #[derive(Serialize)]
    struct Wide {
        counts: Vec<u128>,
    }
    let said = refused(&Wide { counts: vec![u128::MAX] });
    assert!(said.starts_with("cannot save `counts.0`: 340282366920938463463"), "{said}");

    let pairs: BTreeMap<(u8, u8), u8> = [((1, 2), 3)].into();
    let said = refused(&BTreeMap::from([("pairs", pairs)]));
    assert!(said.starts_with("cannot save `pairs`: a key of a map is a tuple"), "{said}");

    #[derive(Serialize)]
    struct Twice {
        a: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }
    let said = refused(&Twice { a: 1, rest: [("a".to_owned(), 2)].into() });
    assert_eq!(said, "cannot save the value: it has two entries `a`");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Chain(u8, Option<Box<Chain>>);

fn chain(len: usize) -> Chain {
    (1..len).fold(Chain(0, None), |inner, _| Chain(0, Some(Box::new(inner))))
}

#[test]
fn what_is_saved_can_be_read_however_deep() {
    // Each link is two levels, a tuple and an option: 30 links end at the sixtieth.
    let deepest = chain(30);
    assert_eq!(round_trip(&deepest), deepest);
    let said = refused(&chain(31));
    assert!(said.contains("deeper than 60"), "{said}");

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Nest {
        Leaf(Vector),
        Twig(u8, Box<Nest>),
    }
    let deepest = (0..59)
        .fold(Nest::Leaf(Vector::from(vec![1.0])), |nest, level| Nest::Twig(level, nest.into()));
    assert_eq!(round_trip(&deepest), deepest);
}

fn failure<T: DeserializeOwned>(state: &State) -> StateError {
    match from_state::<T>(state) {
        Ok(_) => panic!("was restored"),
        Err(error) => error,
    }
}

#[test]
fn what_cannot_be_restored_is_named() {
    let whole = to_state(&penalty()).unwrap();

    let mut state = whole.clone();
    state.tensors.remove("anchors.1.fisher");
    let said = failure::<Penalty>(&state).to_string();
    assert_eq!(
        said,
        "the saved state has no tensor `anchors.1.fisher`, although its header names it"
    );

    let mut state = whole.clone();
    state.tensors.get_mut("owners").unwrap().kind = Kind::U8;
    state.tensors.get_mut("owners").unwrap().shape = vec![1];
    let error = failure::<Penalty>(&state);
    assert_eq!(error.to_string(), "the tensor `owners` holds bytes, expected bits");

    let mut state = whole.clone();
    state.tensors.get_mut("anchors.0.fisher").unwrap().bytes.pop();
    let error = failure::<Penalty>(&state);
    assert!(matches!(error, StateError::WrongLength { found: 7, expected: 8, .. }), "{error}");
    assert!(state.to_bytes().is_err());

    let mut state = whole.clone();
    state.header["anchors"][1].as_object_mut().unwrap().remove("fisher");
    let said = failure::<Penalty>(&state).to_string();
    assert_eq!(said, "cannot restore `anchors.1`: the saved state has no field `fisher`");

    for (pointer, other, said) in [
        ("/lambda", json!("much"), "cannot restore `lambda`: invalid type: string \"much\""),
        ("/steps", json!(-1), "cannot restore `steps`: invalid value: integer `-1`"),
        ("/owners", json!(7), "cannot restore `owners`: invalid type: integer `7`, expected a row"),
        ("/anchors/0/phase", json!("Rest"), "cannot restore `anchors.0.phase`: unknown variant"),
        ("/anchors/1/phase/Prune/share", json!({"$f64": "g"}), "cannot restore `anchors.1.phase."),
        ("/seed", json!({"$seed": 1}), "cannot restore `seed`: the header's {\"$seed\":1} has no"),
    ] {
        let mut state = whole.clone();
        *state.header.pointer_mut(pointer).unwrap() = other;
        let error = failure::<Penalty>(&state).to_string();
        assert!(error.starts_with(said), "{error}");
    }

    let longer = to_state(&(1, 2, 3)).unwrap();
    let said = failure::<(u8, u8)>(&longer).to_string();
    assert_eq!(said, "cannot restore the value: invalid length 3, expected 2 elements");
}
