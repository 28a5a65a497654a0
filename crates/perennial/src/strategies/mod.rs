//! The methods, one a file, and the registry that gives each its name.

mod agem;
mod budget;
mod cpg;
mod der;
mod derpp;
mod episodes;
mod er;
mod er_ace;
mod ewc;
mod finetune;
mod freeze;
mod gdumb;
mod gem;
mod icarl;
mod independent;
mod joint;
mod l2;
mod lwf;
mod mas;
mod online_ewc;
mod packnet;
mod perturb;
mod pnn;
mod rwalk;
mod scp;
mod si;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::agem::{Agem, AgemMemory, AgemSettings};
pub use self::cpg::{Cpg, CpgSettings};
pub use self::der::{Der, DerSettings};
pub use self::derpp::{Derpp, DerppSettings};
pub use self::episodes::{EpisodeHeads, EpisodeStatistics};
pub use self::er::{Er, ErSettings};
pub use self::er_ace::{ErAce, ErAceSettings, ErAceVariant};
pub use self::ewc::{Anchors, Ewc, EwcSettings};
pub use self::finetune::{Finetune, NoSettings};
pub use self::freeze::Freeze;
pub use self::gdumb::{Gdumb, GdumbSettings, Schedule};
pub use self::gem::{Gem, GemSettings};
pub use self::icarl::{Icarl, IcarlSettings, IcarlVariant};
pub use self::independent::{Independent, IndependentSettings, Size, Start};
pub use self::joint::{Joint, JointSettings, JointStart};
pub use self::l2::{L2, L2Settings};
pub use self::lwf::{Lwf, LwfMean, LwfScale, LwfSettings, LwfWeights};
pub use self::mas::{Accumulate, Mas, MasData, MasGradient, MasSettings};
pub use self::online_ewc::{Normalise, OnlineEwc, OnlineEwcSettings, OnlineFisher, Running};
pub use self::packnet::{Biases, Packnet, PacknetSettings};
pub use self::perturb::{Perturb, PerturbMode, PerturbSettings};
pub use self::pnn::{Laterals, Pnn, PnnSettings};
pub use self::rwalk::{Rwalk, RwalkSettings, RwalkVariant};
pub use self::scp::{Expectation, Scp, ScpAccumulate, ScpSettings};
pub use self::si::{Clip, PathGradient, Si, SiSettings};
use crate::learner::LearnError;
use crate::parts::moments::Amount;
use crate::scenario::Setting;
use crate::state::{State, StateError, from_state};
use crate::strategy::{Card, Promises, Strategy};

/// A method as the program knows it.
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Its settings: key, what it means.
    pub settings: &'static [(&'static str, &'static str)],
    read: fn(Value) -> Result<Box<dyn Strategy>, LearnError>,
    defaults: fn() -> serde_json::Result<Value>,
    load: fn(&State) -> Result<Box<dyn Strategy>, StateError>,
}

/// A method that can be made from its settings.
trait Method: Strategy + DeserializeOwned + Sized + 'static {
    /// Its settings; `default` is what they are when nothing is said.
    type Settings: Serialize + DeserializeOwned + Default;
    /// Its name in the program.
    const NAME: &'static str;
    /// Key and meaning of each field of the settings.
    const SETTINGS: &'static [(&'static str, &'static str)];

    /// A method that has seen nothing.
    ///
    /// # Errors
    ///
    /// When a setting is out of its range.
    fn with(settings: Self::Settings) -> Result<Self, LearnError>;
}

const fn entry<M: Method>() -> Entry {
    Entry {
        name: M::NAME,
        settings: M::SETTINGS,
        read: |settings| {
            let read = serde_json::from_value(settings.clone())
                .map_err(|error| refused(M::NAME, &settings, &error.to_string()))?;
            Ok(Box::new(M::with(read)?))
        },
        defaults: || serde_json::to_value(M::Settings::default()),
        load: |state| Ok(Box::new(from_state::<M>(state)?)),
    }
}

/// The error of a setting that cannot be.
fn refused(key: &str, value: &impl ToString, expected: &str) -> LearnError {
    LearnError::BadSetting { key: key.into(), value: value.to_string(), expected: expected.into() }
}

/// Refuses a number below 0 or none.
fn at_least_zero(key: &str, value: f64) -> Result<(), LearnError> {
    match value.is_finite() && value >= 0.0 {
        true => Ok(()),
        false => Err(refused(key, &value, "it must be a number of at least 0")),
    }
}

/// Refuses a number that is not above 0.
fn above_zero(key: &str, value: f64) -> Result<(), LearnError> {
    match value.is_finite() && value > 0.0 {
        true => Ok(()),
        false => Err(refused(key, &value, "it must be a number above 0")),
    }
}

/// Refuses an importance measured on nothing.
fn at_least_one(key: &str, value: Amount) -> Result<(), LearnError> {
    match value {
        Amount::Count(0) => Err(refused(key, &0, "it must be at least 1 sample, or all")),
        _ => Ok(()),
    }
}

/// What methods that hold a part of the network for each task promise.
const ISOLATED: Promises = Promises {
    setting: Setting::Domain,
    epochs: 5,
    newest: Some(0.8),
    margin: Some(0.05),
    class_margin: None,
    first_task_is_finetuning: false,
};

/// Every method, in the order of reports.
pub const REGISTRY: &[Entry] = &[
    entry::<Finetune>(),
    entry::<Joint>(),
    entry::<Independent>(),
    entry::<Freeze>(),
    entry::<L2>(),
    entry::<Perturb>(),
    entry::<Ewc>(),
    entry::<OnlineEwc>(),
    entry::<Si>(),
    entry::<Mas>(),
    entry::<Rwalk>(),
    entry::<Scp>(),
    entry::<Gem>(),
    entry::<Agem>(),
    entry::<Er>(),
    entry::<ErAce>(),
    entry::<Der>(),
    entry::<Derpp>(),
    entry::<Gdumb>(),
    entry::<Icarl>(),
    entry::<Lwf>(),
    entry::<Pnn>(),
    entry::<Packnet>(),
    entry::<Cpg>(),
];

impl Entry {
    /// The method of a name.
    pub fn find(name: &str) -> Option<&'static Self> {
        REGISTRY.iter().find(|entry| entry.name == name)
    }

    /// A strategy that has seen nothing. A setting that is not given has its default.
    ///
    /// # Errors
    ///
    /// When `settings`, a JSON object, has an unknown key or a value out of its range.
    pub fn create(&self, settings: &Value) -> Result<Box<dyn Strategy>, LearnError> {
        let defaults = (self.defaults)();
        let mut all = defaults.map_err(|error| refused(self.name, settings, &error.to_string()))?;
        match (&mut all, settings) {
            (Value::Object(all), Value::Object(given)) => all.extend(given.clone()),
            _ => all = settings.clone(),
        }
        (self.read)(all).map_err(|error| self.first_unreadable(settings).unwrap_or(error))
    }

    /// The error of the first setting that cannot be read by itself.
    fn first_unreadable(&self, settings: &Value) -> Option<LearnError> {
        settings.as_object()?.iter().find_map(|(key, value)| {
            let alone: Value = [(key.clone(), value.clone())].into_iter().collect();
            match (self.read)(alone) {
                Err(LearnError::BadSetting { key: whole, expected, .. }) if whole == self.name => {
                    let shown = value.as_str().map_or_else(|| value.to_string(), Into::into);
                    Some(refused(&format!("{}.{key}", self.name), &shown, &expected))
                }
                _ => None,
            }
        })
    }

    /// A strategy that has seen nothing, with settings that were saved whole. A setting that they
    /// lack is newer than the program that saved them, and means what that program did.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn create_saved(&self, settings: &Value) -> Result<Box<dyn Strategy>, LearnError> {
        (self.read)(settings.clone())
    }

    /// The card of the method with its default settings.
    ///
    /// # Errors
    ///
    /// Never: defaults are within their ranges.
    pub fn card(&self) -> Result<Card, LearnError> {
        Ok(self.create(&Value::Object(serde_json::Map::new()))?.card())
    }
}

/// The saved strategy of a registered name: what [`Learner::from_bytes`] takes when there is no
/// strategy of one's own.
///
/// [`Learner::from_bytes`]: crate::Learner::from_bytes
///
/// # Errors
///
/// When the name is not in the registry or the state is not its.
pub fn load(name: &str, state: &State) -> Result<Box<dyn Strategy>, LearnError> {
    match Entry::find(name) {
        Some(entry) => Ok((entry.load)(state)?),
        None => Err(LearnError::OtherRun {
            what: "strategy",
            saved: name.into(),
            given: "a program that does not know it".into(),
        }),
    }
}
