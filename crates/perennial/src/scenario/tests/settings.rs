use super::*;
use crate::scenario::{Angles, Benchmark, First, Interpolation, Order, Setting, Split};

fn parsed(name: &str) -> Result<(Benchmark, String), String> {
    Benchmark::parse(name).map_err(|error| error.to_string())
}

#[test]
fn every_listed_name_is_known() {
    let names = Benchmark::names();
    assert_eq!(names.len(), 3 * perennial_data::NAMES.len());
    for name in names {
        let (benchmark, data) = parsed(&name).unwrap();
        assert_eq!(format!("{}-{data}", benchmark.kind()), name);
    }
    let (benchmark, data) = parsed("split-emnist-letters").unwrap();
    assert_eq!((benchmark.kind(), data.as_str()), ("split", "emnist-letters"));
}

#[test]
fn a_slip_of_the_keys_is_put_right_and_other_names_get_the_list() {
    for (slip, meant) in [
        ("permuted-minst", "permuted-mnist"),
        ("permute-mnist", "permuted-mnist"),
        ("Split-CIFAR-10", "split-cifar10"),
        ("rotated_digits", "rotated-digits"),
    ] {
        let error = parsed(slip).unwrap_err();
        assert!(error.contains(&format!("(did you mean `{meant}`?)")), "{error}");
        assert!(error.contains("permuted-digits, permuted-mnist, "), "{error}");
    }
    assert!(!parsed("imagenet").unwrap_err().contains("did you mean"));
}

#[test]
fn settings_are_set_from_text() {
    let mut permuted = parsed("permuted-digits").unwrap().0;
    permuted.set("first", "identity").unwrap();
    assert!(matches!(&permuted, Benchmark::Permuted(it) if it.first == First::Identity));

    let mut rotated = parsed("rotated-digits").unwrap().0;
    for (text, angles) in [("0,15, 30.5", vec![0.0, 15.0, 30.5]), ("-15", vec![-15.0])] {
        rotated.set("angles", text).unwrap();
        let Benchmark::Rotated(it) = &rotated else { panic!("became {rotated:?}") };
        assert_eq!(it.angles, Angles::Given(angles));
    }
    rotated.set("interpolation", "bilinear").unwrap();
    let Benchmark::Rotated(it) = &rotated else { panic!("became {rotated:?}") };
    assert_eq!(it.interpolation, Interpolation::Bilinear);
    assert_eq!(it.angles, Angles::Given(vec![-15.0]), "the other settings stay");

    let mut split = parsed("split-digits").unwrap().0;
    split.set("classes", "2").unwrap();
    split.set("order", "3,1").unwrap();
    let order = Order::Given(vec!["3".into(), "1".into()]);
    assert_eq!(split, Benchmark::Split(Split { classes: Some(2), order }));
}

#[test]
fn settings_are_read_from_a_file_and_written_as_they_are_read() {
    let text = "[rotated]\nangles = [0, 22.5]\ninterpolation = \"bilinear\"\n";
    let benchmark: Benchmark = toml::from_str(text).unwrap();
    let settings = benchmark.settings();
    assert_eq!(settings["angles"], "0,22.5");
    assert_eq!(settings["interpolation"], "bilinear");
    for benchmark in Benchmark::all().into_iter().chain([benchmark]) {
        let json = serde_json::to_string(&benchmark).unwrap();
        assert_eq!(serde_json::from_str::<Benchmark>(&json).unwrap(), benchmark);
    }
    let unknown = toml::from_str::<Benchmark>("[split]\nclass = 2\n").unwrap_err().to_string();
    assert!(unknown.contains("unknown field `class`, expected `classes` or `order`"), "{unknown}");
}

#[test]
fn a_setting_has_a_name() {
    for setting in [Setting::Task, Setting::Domain, Setting::Class] {
        let name = setting.to_string();
        assert_eq!(name.parse::<Setting>().unwrap(), setting);
        assert_eq!(serde_json::to_string(&setting).unwrap(), format!("\"{name}\""));
    }
}

#[test]
fn only_what_makes_sense_is_possible() {
    let data = toy(40, 10);
    let check = |name: &str, tasks: usize| {
        let options = Options { tasks: Some(tasks), ..Options::default() };
        let stream = parsed(name).unwrap().0.build(&data, &options, 0).unwrap();
        [Setting::Task, Setting::Domain, Setting::Class].map(|it| stream.check(it).is_ok())
    };
    assert_eq!(check("permuted-mnist", 3), [true, true, false]);
    assert_eq!(check("rotated-mnist", 3), [true, true, false]);
    assert_eq!(check("split-mnist", 5), [true, true, true]);
    assert_eq!(check("split-mnist", 1), [true, true, false]);
}
