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
    assert_eq!(last[..2], ["finetune", "no protection"]);
    for (name, value) in [("ACC", 0.844), ("BWT", -0.135), ("worst task", 0.754)] {
        assert!((of(name) - value).abs() < 1e-12, "{name} {}", of(name));
    }
    assert!(table.latex().contains("$-$.135 $\\pm$.000"), "{}", table.latex());
}

/// A cell under a head with a unit is a number in that unit, in every form: 1.25 s of training,
/// .25 s of evaluation, 70,040 bytes. Catches: "1.2 s" under "training, s", "70.0 kB" under "bytes".
#[test]
fn cells_have_the_units_of_their_heads() {
    let document = comparison(&[FINETUNE, GEM], 3, 2);
    let number = |text: &str| {
        let plain: String = text.chars().filter(|c| !"\u{202f}\\,".contains(*c)).collect();
        plain.trim().parse::<f64>()
    };
    let mut tables = vec![ranking(&document).unwrap()];
    tables.extend(figures(&document).unwrap().into_iter().map(|figure| figure.table));
    let mut seen = Vec::new();
    for table in tables {
        let latex = table.latex();
        let latex: Vec<Vec<&str>> = latex.lines().map(|line| line.split(" & ").collect()).collect();
        let markdown = table.markdown();
        let markdown: Vec<Vec<&str>> =
            markdown.lines().map(|line| line.trim_matches('|').split(" | ").collect()).collect();
        for (column, head) in table.head.iter().enumerate() {
            let Some((_, unit)) = head.split_once(", ") else { continue };
            for (i, row) in table.rows.iter().enumerate() {
                let shown = number(row[column].shown()).unwrap();
                // Above LaTeX's rows: the environment, two rules and the head; above Markdown's: two.
                let last = latex[i + 4][column].trim_end_matches(" \\\\");
                assert_eq!(number(last), Ok(shown), "{head}");
                assert_eq!(number(markdown[i + 2][column]), Ok(shown), "{head}");
                seen.push((unit.to_owned(), shown));
            }
        }
    }
    for (unit, value) in [("s", 1.25), ("s", 0.25), ("bytes", 70_040.0)] {
        assert!(seen.contains(&(unit.to_owned(), value)), "{value} {unit}: {seen:?}");
    }
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
