//! What lies at a path: parts, classes, tables that list images, arrays with channels.

use std::path::Path;

use perennial_data::{Layout, ReadOptions, TestPart, open, read};

use crate::files::{images, labels, put};
use crate::own::{grey, npy, zip};
use crate::place::{Place, notes};

/// Catches: folders of parts or of classes taken for classes, a table that nobody looked at.
#[test]
fn folders_are_what_their_names_say() {
    let place = Place::with(&[]);
    let picture = |name: &str, shade: u8| put(place.0.path(), name, &grey(2, 2, shade));
    for shade in 1..=5 {
        for (class, more) in [("cat", 0), ("dog", 100)] {
            picture(&format!("deep/pets/{class}/{shade}.png"), shade + more);
            for (part, more_still) in [("photos_train", 0), ("photos_test", 10), ("val", 20)] {
                picture(&format!("parts/{part}/{class}/{shade}.png"), shade + more + more_still);
            }
            picture(&format!("two/Training/{class}/{shade}.png"), shade + more);
            picture(&format!("two/valid/{class}/{shade}.png"), shade + more + 20);
            picture(&format!("mixed/{class}/{shade}.png"), shade + more);
            picture(&format!("vehicles/{class}/{shade}.png"), shade + more);
        }
        picture(&format!("vehicles/train/{shade}.png"), shade + 50);
    }
    let found = place.open("deep");
    assert_eq!(found.dataset.classes, ["cat", "dog"]);
    assert!(notes(&found).contains("looked one folder deeper"), "{}", notes(&found));
    let found = place.open("parts");
    assert_eq!(
        (found.dataset.classes.join(" ").as_str(), found.understanding.parts.validation),
        ("cat dog", 10)
    );
    assert_eq!((found.dataset.train.len(), found.dataset.test.len()), (10, 10));
    let found = place.open("two");
    assert_eq!(
        (found.dataset.classes.join(" ").as_str(), found.dataset.test.len()),
        ("cat dog", 10)
    );
    assert!(notes(&found).contains("no test part is here: judged by"), "{}", notes(&found));
    assert_eq!(place.open("vehicles").dataset.classes, ["cat", "dog", "train"]);
    put(place.0.path(), "mixed/labels.csv", b"a,label\n1,x\n2,x\n3,y\n4,y\n");
    let text = place.refused("mixed", &ReadOptions::default());
    assert!(text.contains("the folders `cat`, `dog` and the table `labels.csv`"), "{text}");
    let layout = |layout| ReadOptions { layout: Some(layout), ..ReadOptions::default() };
    let found = open(&place.path("mixed"), &layout(Layout::Folders), None).unwrap();
    assert_eq!(found.dataset.classes, ["cat", "dog"]);
    let found = open(&place.path("mixed"), &layout(Layout::Table), None).unwrap();
    assert_eq!(found.dataset.classes, ["x", "y"]);
}

#[test]
fn a_table_may_list_images() {
    let place = Place::with(&[(
        "list.csv",
        "path,label,age\nimg/1.png,cat,3\nimg/2.png,cat,4\nimg/3.png,dog,5\nimg/4.png,dog,6\n",
    )]);
    for shade in 1..=4 {
        put(place.0.path(), &format!("img/{shade}.png"), &grey(2, 3, shade));
    }
    put(place.0.path(), "bare.csv", b"img/1.png,cat\nimg/3.png,dog\nimg/4.png,dog\n");
    let found = place.open("list.csv");
    assert_eq!(
        (found.dataset.shape, found.understanding.format.to_string().as_str()),
        ([1, 3, 2], "image list")
    );
    assert_eq!(found.dataset.classes, ["cat", "dog"]);
    assert_eq!(found.dataset.train.image(1), Some(&[3; 6][..]));
    assert!(notes(&found).contains("the column `age` beside the images"), "{}", notes(&found));
    assert_eq!(place.open("bare.csv").dataset.classes, ["cat", "dog"]);
    put(place.0.path(), "gone.csv", b"path,label\nimg/1.png,cat\nimg/9.png,dog\n");
    let text = place.refused("gone.csv", &ReadOptions::default());
    assert!(text.contains("line 3") && text.contains("`img/9.png`"), "{text}");
}

#[test]
fn arrays_with_channels_last_and_index_files() {
    let place = Place::with(&[]);
    let x = npy("|u1", false, "(2, 5, 6, 4)", &(0..240).collect::<Vec<u8>>());
    let y = npy("|u1", false, "(2,)", &[0, 0]);
    put(place.0.path(), "rgba.npz", &zip(&[("x.npy", x), ("y.npy", y)], false));
    let found = read(&place.path("rgba.npz"), &ReadOptions::default(), None).unwrap();
    assert_eq!(found.spec.shape, [4, 5, 6]);
    assert_eq!(found.values.bytes().unwrap()[..3], [0, 4, 8]);
    assert!(
        found.understanding.notes[0].contains("images of 5×6 with 4 channels, which come last")
    );
    put(place.0.path(), "own/train-images-idx3-ubyte", &images(4, 1, 1, &[1, 2, 3, 4]));
    put(place.0.path(), "own/train-labels-idx1-ubyte", &labels(&[3, 3, 7, 7]));
    put(place.0.path(), "own/t10k-images-idx3-ubyte", &images(1, 1, 1, &[5]));
    put(place.0.path(), "own/t10k-labels-idx1-ubyte", &labels(&[7]));
    assert_eq!(place.open("own").dataset.classes, ["3", "7"]);
}

/// Catches: an ordinary name that wins over a folder without a word.
#[test]
fn one_class_and_the_test_part_are_said() {
    let place = Place::with(&[("ok.csv", "a,label\n1,ok\n2,ok\n3,ok\n")]);
    let found = place.open("ok.csv");
    assert!(notes(&found).contains("only one class, `ok`"), "{}", notes(&found));
    assert_eq!(found.understanding.parts.test_from, TestPart::HeldBack);
    assert!(open(Path::new("set:digits"), &ReadOptions::default(), None).is_ok());
}
