//! The README's commands do what it says, in its order, in one folder.

use std::path::Path;

use tempfile::tempdir;

use crate::run::perennial;

/// The arguments of every `$ cargo run --release -- …` line.
fn commands() -> Vec<Vec<String>> {
    let readme = include_str!("../../../../README.md");
    let lines = readme.lines().filter_map(|line| line.strip_prefix("$ cargo run --release"));
    let words = lines.map(|line| line.split_whitespace().filter(|word| *word != "--"));
    words.map(|words| words.map(String::from).collect()).collect()
}

/// The files that the README shows: fences such as ```` ```toml my-tasks.toml ````.
fn files() -> Vec<(String, String)> {
    let readme = include_str!("../../../../README.md");
    let fence = |block: &str| {
        let (name, rest) = block.split_once('\n')?;
        Some((name.to_owned(), rest.split_once("\n```")?.0.to_owned()))
    };
    readme.split("```toml ").skip(1).filter_map(fence).collect()
}

/// Catches: a flag, benchmark or strategy that the README names and the program lacks.
#[test]
#[allow(clippy::print_stderr, reason = "who runs the tests hears what was skipped")]
fn every_command_of_the_readme_works() {
    let folder = tempdir().unwrap();
    let commands = commands();
    assert!(commands.len() > 8, "{commands:?}");
    for (name, text) in files() {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let data = std::env::var_os("PERENNIAL_DATA");
    let mnist = data.as_ref().is_some_and(|data| Path::new(data).join("mnist").is_dir());
    for mut arguments in commands {
        if arguments.starts_with(&["data".into(), "fetch".into()]) {
            continue; // downloads are tested against a server on loopback
        }
        let reproduces = arguments.first().is_some_and(|word| word == "reproduce");
        if reproduces && arguments.contains(&"--quick".into()) {
            continue; // has a test of its own, and takes a minute
        }
        if reproduces || arguments.iter().any(|word| word.contains("mnist")) {
            if !mnist {
                eprintln!("skipped, for PERENNIAL_DATA has no mnist: {}", arguments.join(" "));
                continue;
            }
            // The last of a flag's values counts: the same command, smaller.
            let fewer = if reproduces { ["--method", "finetune"] } else { ["--tasks", "2"] };
            arguments.extend(fewer.into_iter().chain(["--seeds", "1"]).map(String::from));
        }
        let mut command = perennial();
        if let Some(data) = &data {
            command.env("PERENNIAL_DATA", data);
        }
        let output = command.args(&arguments).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", arguments.join(" "));
        assert!(!output.stdout.is_empty(), "{}", arguments.join(" "));
    }
    assert!(folder.path().join("my-report.html").is_file());
    assert!(folder.path().join("my-run/result.json").is_file());
}
