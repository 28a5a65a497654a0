//! Downloads, against a server on loopback that can be told to misbehave.

mod server;

use std::fs;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use perennial_data::fetch::{FetchError, Progress, Source, fetch, fetch_from, sources};
use perennial_data::{DataError, ErrorKind, NAMES};
use server::{Answer, Server};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Larger than any buffer on the way, so that a cut really leaves a half.
const LENGTH: usize = 1 << 20;
const HALF: usize = LENGTH / 2;

fn body() -> Vec<u8> {
    (0..LENGTH).map(|i| (i * i / 7) as u8).collect()
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Fetches the file of `server`, which should be `expected`.
fn get(
    server: &Server,
    expected: &[u8],
    folder: &Path,
    progress: &mut dyn Progress,
) -> Result<(), DataError> {
    let sha256 = sum(expected);
    let bytes = expected.len() as u64;
    let source = Source { url: &server.url, file: "file.gz", sha256: &sha256, bytes, members: &[] };
    fetch_from(&[source], folder, progress)
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Notes what a progress bar would show.
#[derive(Default)]
struct Log {
    started: Vec<(String, u64, u64)>,
    last: u64,
    finished: usize,
}

impl Progress for Log {
    fn start(&mut self, file: &str, done: u64, total: u64) {
        self.started.push((file.to_string(), done, total));
    }
    fn advance(&mut self, done: u64) {
        assert!(done > self.last, "a bar that does not move forward");
        self.last = done;
    }
    fn finish(&mut self) {
        self.finished += 1;
    }
}

#[test]
fn a_file_is_downloaded_once_and_then_kept() {
    let (server, folder) = (Server::start(body(), &[Answer::Honest]), TempDir::new().unwrap());
    let folder = folder.path().join("new/folder");
    let mut log = Log::default();
    get(&server, &body(), &folder, &mut log).unwrap();
    assert_eq!(fs::read(folder.join("file.gz")).unwrap(), body());
    assert_eq!(files(&folder), ["file.gz"]);
    assert_eq!(log.started, [("file.gz".to_string(), 0, LENGTH as u64)]);
    assert_eq!((log.last, log.finished), (LENGTH as u64, 1));

    let mut log = Log::default();
    get(&server, &body(), &folder, &mut log).unwrap();
    assert_eq!(log.started, [("file.gz".to_string(), LENGTH as u64, LENGTH as u64)]);
    assert_eq!(server.ranges(), [None], "the second fetch asked the server");
}

#[test]
fn a_file_of_the_same_length_but_another_sum_is_replaced() {
    let (server, folder) = (Server::start(body(), &[Answer::Honest]), TempDir::new().unwrap());
    fs::write(folder.path().join("file.gz"), vec![0; LENGTH]).unwrap();
    get(&server, &body(), folder.path(), &mut ()).unwrap();
    assert_eq!(fs::read(folder.path().join("file.gz")).unwrap(), body());
}

#[test]
fn a_cut_download_continues_where_it_was_cut() {
    let server = Server::start(body(), &[Answer::CutAfter(HALF), Answer::Honest]);
    let folder = TempDir::new().unwrap();
    let error = get(&server, &body(), folder.path(), &mut ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    let DataError::Fetch(FetchError::Interrupted { received, expected, part, .. }) = &error else {
        panic!("expected an interruption, got {error}");
    };
    assert_eq!((*received, *expected), (HALF as u64, LENGTH as u64));
    assert_eq!(part, &folder.path().join("file.gz.part"));
    assert_eq!(fs::read(part).unwrap(), body()[..HALF]);
    assert_eq!(files(folder.path()), ["file.gz.part"]);

    let mut log = Log::default();
    get(&server, &body(), folder.path(), &mut log).unwrap();
    assert_eq!(server.ranges(), [None, Some(format!("bytes={HALF}-"))]);
    assert_eq!(log.started, [("file.gz".to_string(), HALF as u64, LENGTH as u64)]);
    assert_eq!(fs::read(folder.path().join("file.gz")).unwrap(), body());
    assert_eq!(files(folder.path()), ["file.gz"]);
}

#[test]
fn servers_that_cannot_continue_make_it_begin_again() {
    let out_of_range = [Answer::Status(416), Answer::Honest];
    let elsewhere = [Answer::WrongRange, Answer::Honest];
    let cases: [(&[Answer], usize); 3] =
        [(&[Answer::IgnoreRange], 1), (&out_of_range, 2), (&elsewhere, 2)];
    for (answers, requests) in cases {
        let (server, folder) = (Server::start(body(), answers), TempDir::new().unwrap());
        fs::write(folder.path().join("file.gz.part"), &body()[..HALF]).unwrap();
        get(&server, &body(), folder.path(), &mut ()).unwrap();
        assert_eq!(fs::read(folder.path().join("file.gz")).unwrap(), body());
        let ranges = server.ranges();
        assert_eq!(ranges.len(), requests);
        assert_eq!(ranges[0], Some(format!("bytes={HALF}-")));
        assert_eq!(ranges.get(1), [None].get(..requests - 1).and_then(<[_]>::first));
    }
}

#[test]
fn a_whole_part_needs_no_request_and_a_longer_one_begins_again() {
    let (server, folder) = (Server::start(body(), &[Answer::Honest]), TempDir::new().unwrap());
    fs::write(folder.path().join("file.gz.part"), body()).unwrap();
    get(&server, &body(), folder.path(), &mut ()).unwrap();
    assert!(server.ranges().is_empty());

    fs::remove_file(folder.path().join("file.gz")).unwrap();
    fs::write(folder.path().join("file.gz.part"), vec![1; LENGTH + 1]).unwrap();
    get(&server, &body(), folder.path(), &mut ()).unwrap();
    assert_eq!(server.ranges(), [None]);
    assert_eq!(fs::read(folder.path().join("file.gz")).unwrap(), body());
}

#[test]
fn a_wrong_sum_is_refused_and_the_file_removed() {
    let (server, folder) = (Server::start(body(), &[Answer::Honest]), TempDir::new().unwrap());
    let mut official = body();
    official[LENGTH / 3] ^= 1;
    let error = get(&server, &official, folder.path(), &mut ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadData);
    let text = error.to_string();
    assert!(text.contains(&sum(&official)) && text.contains(&sum(&body())), "{text}");
    assert!(text.contains(&server.url), "{text}");
    assert!(files(folder.path()).is_empty());
}

#[test]
fn a_file_of_another_length_is_refused() {
    // Refused by what the server says of the length, or, when it says nothing, by counting.
    for answer in [Answer::Honest, Answer::Endless] {
        let (server, folder) = (Server::start(body(), &[answer]), TempDir::new().unwrap());
        let error = get(&server, &body()[..LENGTH - 100], folder.path(), &mut ()).unwrap_err();
        assert!(matches!(error, DataError::Fetch(FetchError::WrongOffer { .. })), "{error}");
        assert_eq!(error.kind(), ErrorKind::BadData);
        assert!(files(folder.path()).is_empty());
    }
}

#[test]
fn a_refusal_is_told_with_its_status() {
    let (server, folder) = (Server::start(body(), &[Answer::Status(404)]), TempDir::new().unwrap());
    let error = get(&server, &body(), folder.path(), &mut ()).unwrap_err();
    assert!(matches!(error, DataError::Fetch(FetchError::Status { status: 404, .. })), "{error}");
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains(&server.url));
}

#[test]
fn no_server_is_told_with_the_address() {
    let folder = TempDir::new().unwrap();
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file.gz", listener.local_addr().unwrap());
    drop(listener);
    let source = Source { url: &url, file: "file.gz", sha256: &sum(b"x"), bytes: 1, members: &[] };
    let error = fetch_from(&[source], folder.path(), &mut ()).unwrap_err();
    assert!(matches!(error, DataError::Fetch(FetchError::Unreachable { .. })), "{error}");
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains(&url));
}

#[test]
fn two_processes_do_not_write_one_file() {
    let (server, folder) = (Server::start(body(), &[Answer::Honest]), TempDir::new().unwrap());
    let other = fs::File::create(folder.path().join("file.gz.part")).unwrap();
    other.lock().unwrap();
    let error = get(&server, &body(), folder.path(), &mut ()).unwrap_err();
    assert!(matches!(error, DataError::Fetch(FetchError::Busy { .. })), "{error}");
    drop(other);
    get(&server, &body(), folder.path(), &mut ()).unwrap();
}

#[test]
fn a_folder_that_cannot_be_created_is_told() {
    let (server, folder) = (Server::start(body(), &[Answer::Honest]), TempDir::new().unwrap());
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let error = get(&server, &body(), &file.join("below"), &mut ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CannotCreate);
    assert!(server.ranges().is_empty());
}

/// A `.tar.gz` of plain files.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        // Written by hand, because the library refuses to make the paths that attack.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, *content).expect("in memory");
    }
    tar.into_inner().expect("in memory").finish().expect("in memory")
}

fn get_archive(bytes: &[u8], members: &[&str], folder: &Path) -> (Server, Result<(), DataError>) {
    let server = Server::start(bytes.to_vec(), &[Answer::Honest]);
    let sha256 = sum(bytes);
    let length = bytes.len() as u64;
    let source =
        Source { url: &server.url, file: "set.tar.gz", sha256: &sha256, bytes: length, members };
    let result = fetch_from(&[source], folder, &mut ()).and_then(|()| {
        // Once more: everything is there, nothing is asked for.
        fetch_from(&[source], folder, &mut ())
    });
    (server, result)
}

#[test]
fn an_archive_is_unpacked_and_removed() {
    let folder = TempDir::new().unwrap();
    let bytes = archive(&[("set/a.bin", b"first"), ("set/readme.html", b"no"), ("set/b", b"2")]);
    let (server, result) = get_archive(&bytes, &["set/a.bin", "set/b"], folder.path());
    result.unwrap();
    assert_eq!(server.ranges().len(), 1);
    assert_eq!(files(folder.path()), ["set"]);
    assert_eq!(files(&folder.path().join("set")), ["a.bin", "b"]);
    assert_eq!(fs::read(folder.path().join("set/a.bin")).unwrap(), b"first");
}

#[test]
fn an_archive_writes_nothing_outside_its_folder() {
    let folder = TempDir::new().unwrap();
    let inner = folder.path().join("inner");
    let absolute = folder.path().join("absolute").display().to_string();
    let bytes = archive(&[("../escaped", b"x"), (&absolute, b"x"), ("set/a", b"good")]);
    let (_server, result) = get_archive(&bytes, &["set/a"], &inner);
    result.unwrap();
    assert_eq!(files(folder.path()), ["inner"]);
    assert_eq!(files(&inner), ["set"]);
}

#[test]
fn a_link_in_an_archive_is_not_followed() {
    let folder = TempDir::new().unwrap();
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "set/a", "/etc/hostname").unwrap();
    let bytes = tar.into_inner().unwrap().finish().unwrap();
    let (_server, result) = get_archive(&bytes, &["set/a"], folder.path());
    assert!(
        matches!(result, Err(DataError::Fetch(FetchError::MissingMember { .. }))),
        "{result:?}"
    );
    assert!(!folder.path().join("set").exists());
}

#[test]
fn an_archive_that_lacks_a_file_or_is_damaged_is_refused() {
    let folder = TempDir::new().unwrap();
    let bytes = archive(&[("set/a", b"first")]);
    let (_server, result) = get_archive(&bytes, &["set/a", "set/b"], folder.path());
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadData);
    assert!(error.to_string().contains("set/b"), "{error}");

    let folder = TempDir::new().unwrap();
    let (_server, result) = get_archive(&bytes[..bytes.len() / 2], &["set/a"], folder.path());
    assert!(matches!(result, Err(DataError::TruncatedGzip { .. })), "{result:?}");
    assert!(!folder.path().join("set/a").exists());
}

#[test]
fn what_cannot_be_fetched_is_a_usage_error_that_says_why() {
    let folder = TempDir::new().unwrap();
    let error = fetch("minst", folder.path(), &mut ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("did you mean `mnist`?"), "{error}");
    for (name, reason) in [("digits", "embedded"), ("kmnist", "https://"), ("emnist", "https://")] {
        let error = fetch(name, folder.path(), &mut ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains(reason), "{error}");
    }
    assert!(files(folder.path()).is_empty());
}

#[test]
fn every_known_set_has_sources_or_a_reason_why_not() {
    for name in NAMES {
        let fetchable = ["mnist", "fashion-mnist", "cifar10", "cifar100"].contains(name);
        assert_eq!(!sources(name).is_empty(), fetchable, "{name}");
        for source in sources(name) {
            assert!(source.url.ends_with(source.file), "{}", source.url);
            assert!(source.sha256.len() == 64, "{}", source.url);
            assert!(source.sha256.bytes().all(|b| b"0123456789abcdef".contains(&b)));
            assert_eq!(source.file.ends_with(".tar.gz"), !source.members.is_empty());
        }
    }
}
