//! The command line of `perennial reproduce`.

use std::path::PathBuf;

use clap::Args;

use crate::args::whole;

#[derive(Debug, Args)]
#[command(args_override_self = true)] // the last of a flag's values counts
pub(crate) struct Reproduce {
    /// Protocols by name, `perennial list protocols`, or TOML files of your own [default: all that
    /// are built in].
    #[arg(value_name = "PROTOCOL")]
    pub(crate) protocols: Vec<String>,
    /// Run a small form of each instead, and compare it with what it gave when it was recorded: a
    /// check of this program, no reproduction.
    #[arg(long, conflicts_with_all = ["seeds", "choices", "markdown", "check", "show"])]
    pub(crate) quick: bool,
    /// Only these methods of the tables.
    #[arg(long = "method", value_name = "a,b")]
    pub(crate) methods: Option<String>,
    /// How many seeds, from 0 [default: as many as the protocol says].
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    pub(crate) seeds: Option<u64>,
    /// Run the choices of a protocol too: methods with one thing done otherwise than the authors'
    /// code does it, which shows what that is worth.
    #[arg(long)]
    pub(crate) choices: bool,
    /// Run nothing: show what the folder holds.
    #[arg(long)]
    pub(crate) show: bool,
    /// Write all tables as a Markdown page too.
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Run nothing: say whether this Markdown page is what the protocols and the folder make.
    #[arg(long, value_name = "FILE",
          conflicts_with_all = ["methods", "seeds", "choices", "show", "markdown"])]
    pub(crate) check: Option<PathBuf>,
    /// The folder that holds the image sets [default: `PERENNIAL_DATA`, or the cache that
    /// `data fetch` fills].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The folder of results. The same command goes on with what is there [default:
    /// runs/reproduce; with --quick a fresh one in runs/].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Cells that run at a time [default: cores].
    #[arg(long, value_name = "J", value_parser = whole::<usize>)]
    pub(crate) jobs: Option<usize>,
    /// Threads a cell [default: cores shared among the jobs].
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    pub(crate) threads: Option<usize>,
    /// Print the result as one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}
