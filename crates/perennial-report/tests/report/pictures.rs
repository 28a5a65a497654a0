//! The figures as files of their own.

use perennial_report::document::Cell;
use perennial_report::{figures, ranking};
use serde_json::json;

use crate::sample::*;

#[test]
fn every_figure_is_a_file_with_its_numbers() {
    let document = comparison(&[FINETUNE, JOINT, EWC, GEM], 3, 2);
    let figures = figures(&document).unwrap();
    let names: Vec<&str> = figures.iter().map(|figure| figure.name.as_str()).collect();
    assert_eq!(names[..4], ["accuracy-so-far", "stability", "memory-price", "time-price"]);
    assert_eq!(names[4..6], ["matrix-joint", "curves-joint"]);
    assert_eq!(names.len(), 4 + 2 * 4);
    for figure in &figures {
        let svg = figure.svg();
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" "), "{svg}");
        assert!(!svg.contains("var(") && !svg.contains("class="), "it needs no style sheet");
        assert!(!figure.table.rows.is_empty() && !figure.caption.is_empty(), "{}", figure.name);
        for row in &figure.table.rows {
            assert_eq!(row.len(), figure.table.head.len(), "{}", figure.name);
        }
    }
    // R[3][1] of finetune is .93 − 2 · .09, over two seeds .004 apart from the middle.
    let matrix = figures.iter().find(|figure| figure.name == "matrix-finetune").unwrap();
    let csv = matrix.table.csv();
    let last = csv.lines().last().unwrap();
    let value: f64 = last.split(',').nth(1).unwrap().parse().unwrap();
    assert!(last.starts_with("after 3,") && (value - 0.754).abs() < 1e-12, "{csv}");
}

/// Catches: a metric in another's column, an interval that is lost.
#[test]
fn the_ranking_has_every_number() {
    let table = ranking(&comparison(&[FINETUNE, JOINT, EWC], 3, 2)).unwrap();
    let csv = table.csv();
    let mut lines = csv.lines();
    let head: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!(head[..4], ["strategy", "marks", "ACC", "ACC ± 95 %"]);
    let last: Vec<&str> = lines.last().unwrap().split(',').collect();
    let of = |name: &str| {
        let at = head.iter().position(|head| *head == name).unwrap();
        last[at].parse::<f64>().unwrap()
    };
    // Tasks end at .754, .844 and .934: finetune loses .09 with each later task.
    assert_eq!(last[..2], ["finetune", "lower bound"]);
    for (name, value) in [("ACC", 0.844), ("BWT", -0.135), ("worst task", 0.754)] {
        assert!((of(name) - value).abs() < 1e-12, "{name} {}", of(name));
    }
    assert!(table.latex().contains("$-$.135 $\\pm$.000"), "{}", table.latex());
}

/// What penalties and memories counted, by hand. Catches: a kind that the page forgets, shares of
/// another layer, a memory that is not stacked.
#[test]
fn importances_moves_and_memories_have_figures() {
    let mut document = comparison(&[FINETUNE, EWC], 2, 1);
    let Cell::Done(run) = &mut document.runs[1] else { panic!() };
    run.figures = serde_json::from_value(json!({
        "importance": [
            { "name": "dense1", "weights": 300, "share": [0.25, 0.5] },
            { "name": "head", "weights": 100, "share": [0.75, 0.5] },
        ],
        "moves": [{ "task": 2, "important": 0.01, "others": 0.04 }],
        "memory": [[40, 0], [10, 30]],
    }))
    .unwrap();
    let figures = figures(&document).unwrap();
    let table = |name: &str| {
        let figure = figures.iter().find(|figure| figure.name == name).unwrap();
        figure.table.markdown()
    };
    let row = |name: &str, number: usize| table(name).lines().nth(number).unwrap().to_owned();
    assert_eq!(row("importance-ewc", 2), "| dense1 | 300 | .750 | .500 | 0.67 |");
    assert_eq!(row("importance-ewc", 3), "| head | 100 | .250 | .500 | 2.00 |");
    assert_eq!(row("moves-ewc", 2), "| 2 | .01 | .04 | 0.25 |");
    assert_eq!(row("memory-ewc", 2), "| after 1 | 40 | – | 40 |");
    assert_eq!(row("memory-ewc", 3), "| after 2 | 10 | 30 | 40 |");
    // 160 is the height of 40 samples: 10 of task 1 lie below 30 of task 2.
    let memory = figures.iter().find(|figure| figure.name == "memory-ewc").unwrap().svg();
    assert!(memory.contains("y=\"138.0\"") && memory.contains("height=\"40.0\""), "{memory}");
    assert!(memory.contains("y=\"18.0\"") && memory.contains("height=\"120.0\""), "{memory}");
}
