//! The local page: of a run that goes on, of one that has ended, and who may read it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use crate::report::halve;
use crate::run::{finish, perennial, small};

/// So long a test waits for what must come; only a defect takes as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that serves a page, and the address it said.
struct Server {
    child: Child,
    address: String,
    _stderr: BufReader<ChildStderr>,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut address = None;
        while address.is_none() {
            let mut line = String::new();
            if stderr.read_line(&mut line).unwrap() == 0 {
                let ended = child.wait();
                panic!("it ended without an address: {ended:?}");
            }
            let rest = line.split_once("watch: http://").map(|(_, rest)| rest);
            address = rest.and_then(|rest| rest.split('/').next()).map(str::to_owned);
        }
        Self { child, address: address.unwrap_or_default(), _stderr: stderr }
    }

    fn ask(&self, path: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: it\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        BufReader::new(stream)
    }

    fn page(&self) -> String {
        let mut text = String::new();
        self.ask("/").read_to_string(&mut text).unwrap();
        text
    }

    /// It ends by itself, and well.
    fn ends(mut self) {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return;
            }
            assert!(since.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended, as it should.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn watch(run: &Path) -> Command {
    let mut command = perennial();
    command.arg("watch").arg(run);
    command
}

/// The next event's name and data.
fn next(events: &mut BufReader<TcpStream>) -> (String, String) {
    let (mut name, mut data) = (String::new(), String::new());
    loop {
        let mut line = String::new();
        assert_ne!(events.read_line(&mut line).unwrap(), 0, "the events end without `end`");
        match line.trim_end().split_once(':') {
            Some(("event", text)) => text.trim().clone_into(&mut name),
            Some(("data", text)) => text.trim().clone_into(&mut data),
            None if line.trim().is_empty() && !name.is_empty() => return (name, data),
            _ => {} // headers, lengths of chunks
        }
    }
}

/// Half a line, then the rest of it, then the end. Catches: a page that is sent once, a half line
/// that is shown or that blocks, a server that stays when its run has ended.
#[test]
fn a_page_follows_its_run_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    finish(small(&run, &["--strategies=finetune,ewc"]));
    let result = fs::read_to_string(run.join("result.json")).unwrap();
    let rest = halve(&run, "ewc-0");
    let server = Server::start(watch(&run));
    let page = server.page();
    assert!(page.contains("1 of 2 runs have ended") && page.contains("1/3 tasks"), "{page}");
    assert!(page.contains("text/html") && !page.contains("http://"), "{page}");
    let mut events = server.ask("/events");
    let (name, data) = next(&mut events);
    assert_eq!(name, "part");
    assert!(data.contains("1/3 tasks"), "{data}");
    let log = run.join("cells/ewc-0/events.jsonl");
    fs::OpenOptions::new().append(true).open(log).unwrap().write_all(rest.as_bytes()).unwrap();
    let (name, data) = next(&mut events);
    assert_eq!(name, "part");
    assert!(data.contains("3/3 tasks"), "{data}");
    fs::write(run.join("result.json"), result).unwrap();
    let (_, data) = next(&mut events);
    assert!(data.contains("2 of 2 runs have ended, and the report is written"), "{data}");
    assert_eq!(next(&mut events).0, "end");
    server.ends();
}

/// Catches: a page of a finished run that closes before anyone reads it, or never.
#[cfg(unix)]
#[test]
fn a_finished_run_is_shown_until_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    finish(small(&run, &["--strategies=finetune"]));
    let server = Server::start(watch(&run));
    for _ in 0..2 {
        assert!(server.page().contains("1 of 1 runs have ended, and the report is written"));
    }
    let mut script = String::new();
    server.ask("/watch.js").read_to_string(&mut script).unwrap();
    assert!(script.contains("text/javascript") && script.contains("EventSource"), "{script}");
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    server.ends();
}

/// Catches: a page that other machines read unasked, a folder that is taken for a run.
#[test]
fn what_cannot_be_watched_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    finish(small(&run, &["--strategies=finetune"]));
    let refusal = |run: &Path, words: &[&str], exit: i32| {
        let output = watch(run).args(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{said}");
        said
    };
    let said = refusal(&run, &["--listen=0.0.0.0:0"], 2);
    assert!(said.contains("0.0.0.0:0 can be reached from other machines"), "{said}");
    let said = refusal(folder.path(), &[], 66);
    assert!(said.contains("holds no run: it has no run.json"), "{said}");
    fs::remove_file(run.join("result.json")).unwrap();
    let plan = fs::read_to_string(run.join("run.json")).unwrap();
    fs::write(run.join("run.json"), plan.replace("perennial.run/1", "perennial.run/2")).unwrap();
    let said = refusal(&run, &[], 65);
    assert!(said.contains("has schema perennial.run/2"), "{said}");
}

/// Catches: a comparison that waits for readers, or that ends without its page having ended.
#[test]
fn a_comparison_shows_itself() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut command = small(&run, &["--watch"]);
    command.env("RAYON_NUM_THREADS", "1");
    let server = Server::start(command);
    let mut events = server.ask("/events");
    assert_eq!(next(&mut events).0, "part");
    while next(&mut events).0 != "end" {}
    server.ends();
    assert!(run.join("report.html").is_file());
    // The same command again has nothing to run, and ends all the same.
    assert_eq!(finish(small(&run, &["--watch"]))["schema"], "perennial.compare/1");
}
