//! `reproduce --quick`: small forms of the protocols, which check that the program's numbers did not
//! move.

use perennial_report::reproduction::{QUICK_SCHEMA, Quick, QuickCell, quick_table};

use super::protocol::{Protocol, Runnable};
use super::{Reproduce, Wanted, fresh, results, run_cells};
use crate::error::{Problem, Result};
use crate::output;

/// Runs the small forms and compares them with what was recorded. Says the exit code.
pub(super) fn run(args: &Reproduce, protocols: &[Protocol], wanted: &Wanted) -> Result<u8> {
    let out = fresh(args);
    let (mut cells, mut recorded) = (Vec::new(), Vec::new());
    for protocol in protocols {
        for row in protocol.cells.iter().filter(|row| wanted.has(&row.method)) {
            cells.extend(protocol.small(row));
            recorded.push(row.quick);
        }
        if protocol.cells.first().is_some_and(|row| protocol.small(row).is_none()) {
            let message = format!("{} has no small form", protocol.name);
            return Err(Problem::usage(message, "a [quick] table in its file says what it is"));
        }
    }
    run_cells(args, &cells, &out)?;
    let judged = |(cell, recorded): (&Runnable<'_>, &Option<f64>)| -> Result<QuickCell> {
        let found = results::find(&out, cell)?;
        let accs: Vec<f64> = found.runs.iter().filter_map(|run| run.acc).collect();
        let tolerance = cell.protocol.quick_tolerance();
        let (now, moved) = QuickCell::judged(*recorded, &accs, tolerance);
        Ok(QuickCell {
            protocol: cell.protocol.name.clone(),
            method: cell.method.to_owned(),
            recorded: *recorded,
            now,
            tolerance,
            moved,
            seconds: found.seconds(),
            failures: found.failures,
        })
    };
    let quick = Quick {
        schema: QUICK_SCHEMA.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        cells: cells.iter().zip(&recorded).map(judged).collect::<Result<_>>()?,
    };
    if args.json {
        output::document(&quick)?;
    } else {
        output::answer(&quick_table(&quick, output::width()))?;
    }
    Ok(u8::from(quick.cells.iter().any(|cell| cell.moved)))
}
