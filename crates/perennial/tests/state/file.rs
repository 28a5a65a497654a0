//! Files that are whole or known to be damaged.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{env, fs};

use perennial::state::{FileError, FileErrorKind, read_sealed, write_atomic, write_sealed};
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("position");
    (folder, path)
}

fn names(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| name(e).into_string().unwrap()).collect();
    names.sort();
    names
}

fn kind(result: Result<Vec<u8>, FileError>) -> FileErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn a_file_is_a_line_and_the_payload() {
    let (folder, path) = folder();
    write_sealed(&path, "position", 3, &[b"ab", b"c\n"]).unwrap();
    let bytes = fs::read(&path).unwrap();
    let sum = blake3::hash(b"PERENNIAL position 3 4 abc\n").to_hex();
    assert_eq!(bytes, format!("PERENNIAL position 3 4 {sum}\nabc\n").as_bytes());
    assert_eq!(read_sealed(&path, "position", 3).unwrap(), b"abc\n");
    assert_eq!(names(folder.path()), ["position"]);

    write_sealed(&path, "position", 3, &[]).unwrap();
    assert_eq!(read_sealed(&path, "position", 3).unwrap(), b"");
}

/// Would pass any flip that only the words of the line are checked for, were the line not part
/// of the checksum.
#[test]
fn every_flipped_bit_and_every_cut_is_found() {
    let (_folder, path) = folder();
    write_sealed(&path, "position", 3, &[b"some payload, \0 and \xff"]).unwrap();
    let whole = fs::read(&path).unwrap();
    let damaged = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        kind(read_sealed(&path, "position", 3)) == FileErrorKind::Damaged
    };
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(damaged(&bytes), "bit {bit}");
    }
    for len in 0..whole.len() {
        assert!(damaged(&whole[..len]), "cut to {len} bytes");
        assert!(damaged(&[&whole[..len], &whole[len + 1..]].concat()), "without byte {len}");
    }
    assert!(damaged(&[&whole[..], b"x"].concat()), "with one byte more");

    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let said = read_sealed(&path, "position", 3).unwrap_err().to_string();
    let short = format!("{} is damaged: it is cut short, or something was added", path.display());
    assert!(said.starts_with(&short), "{said}");
    fs::write(&path, &whole).unwrap();
    assert!(read_sealed(&path, "position", 3).is_ok());
}

#[test]
fn other_files_are_refused_by_their_sort() {
    let (folder, path) = folder();
    write_sealed(&path, "position", 3, &[b"abc"]).unwrap();
    let error = |kind, supported| read_sealed(&path, kind, supported).unwrap_err();
    let at = path.display();

    assert_eq!(error("position", 2).kind(), FileErrorKind::Newer);
    let said = format!(
        "{at} was written by a newer version of the program (format 3 of a `position`, this one reads format 2): update the program"
    );
    assert_eq!(error("position", 2).to_string(), said);
    assert_eq!(error("position", 4).kind(), FileErrorKind::Older);
    assert!(error("position", 4).to_string().contains("by an older version"));
    assert_eq!(error("learner", 3).kind(), FileErrorKind::OtherKind);
    assert_eq!(
        error("learner", 3).to_string(),
        format!("{at} holds a `position`, expected a `learner`: is it the right file?")
    );

    let absent = folder.path().join("absent");
    assert_eq!(kind(read_sealed(&absent, "position", 3)), FileErrorKind::Missing);
    let is_folder = read_sealed(folder.path(), "position", 3);
    assert!(matches!(kind(is_folder), FileErrorKind::Io(_)));
}

#[test]
fn a_kind_is_a_word() {
    let (folder, path) = folder();
    for kind in ["", "two words", "line\n", "Capital", &"x".repeat(33)] {
        let error = write_sealed(&path, kind, 1, &[]).unwrap_err();
        assert_eq!(error.kind(), FileErrorKind::Io(ErrorKind::InvalidInput), "{kind:?}");
    }
    assert!(names(folder.path()).is_empty());
    let (longest, number) = ("x".repeat(32), u32::MAX);
    write_sealed(&path, &longest, number, &[b"y"]).unwrap();
    assert_eq!(read_sealed(&path, &longest, number).unwrap(), b"y");
}

#[test]
fn what_a_killed_writer_left_is_in_nobodys_way() {
    let (folder, path) = folder();
    let elsewhere = folder.path().join("elsewhere");
    fs::write(&elsewhere, "untouched").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&elsewhere, folder.path().join(".position.tmp")).unwrap();
    #[cfg(not(unix))]
    fs::write(folder.path().join(".position.tmp"), "half").unwrap();
    write_atomic(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(fs::read(&elsewhere).unwrap(), b"untouched");
    assert_eq!(names(folder.path()), ["elsewhere", "position"]);
}

#[test]
fn a_missing_folder_is_named() {
    let (folder, _) = folder();
    let path = folder.path().join("no/position");
    let error = write_atomic(&path, b"new").unwrap_err();
    assert_eq!(error.kind(), FileErrorKind::Io(ErrorKind::NotFound));
    let temporary = folder.path().join("no/.position.tmp");
    assert!(error.to_string().starts_with(&format!("cannot write {}: ", temporary.display())));
    assert!(names(folder.path()).is_empty());
    assert!(write_atomic(Path::new("/"), b"new").is_err());
}

#[test]
fn a_failed_replacement_leaves_no_trace() {
    let (folder, path) = folder();
    fs::create_dir(&path).unwrap();
    fs::write(path.join("inside"), "old").unwrap();
    let error = write_atomic(&path, b"new").unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot replace {}: ", path.display())));
    assert_eq!(names(folder.path()), ["position"]);
    assert_eq!(fs::read(path.join("inside")).unwrap(), b"old");
}

#[test]
#[cfg(unix)]
fn a_read_only_folder_keeps_its_file() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = folder();
    write_atomic(&path, b"old").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let written = write_atomic(&path, b"new");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    match written {
        Err(error) => {
            assert_eq!(error.kind(), FileErrorKind::Io(ErrorKind::PermissionDenied));
            assert_eq!(fs::read(&path).unwrap(), b"old");
        }
        // The superuser may write anywhere; then the limits below are the test.
        Ok(()) => assert_eq!(fs::read(&path).unwrap(), b"new"),
    }
    assert_eq!(names(folder.path()), ["position"]);
}

/// The variable that makes [`the_writer_under_a_limit`] write, and where.
const UNDER_LIMIT: &str = "PERENNIAL_TEST_WRITE_TO";

#[test]
#[ignore = "no test by itself: two of the tests below run it as a process of its own"]
fn the_writer_under_a_limit() {
    let path = env::var_os(UNDER_LIMIT).expect("the test that runs this says where to write");
    let error = write_sealed(Path::new(&path), "position", 1, &[&vec![7; 1 << 20]]).unwrap_err();
    assert_eq!(error.kind(), FileErrorKind::Io(ErrorKind::FileTooLarge));
    assert!(error.to_string().starts_with("cannot write "), "{error}");
}

/// Runs the writer where files may have a few blocks only: it is killed by the signal XFSZ in
/// the middle of its write or, where `trap` says to ignore the signal, gets the error.
#[cfg(unix)]
fn write_under_a_limit(trap: &str, path: &Path) -> std::process::ExitStatus {
    std::process::Command::new("sh")
        .arg("-c")
        .arg(format!(
            "{trap} ulimit -c 0; ulimit -f 8; exec \"$0\" --ignored --exact file::the_writer_under_a_limit"
        ))
        .arg(env::current_exe().unwrap())
        .env(UNDER_LIMIT, path)
        .output()
        .unwrap()
        .status
}

#[test]
#[cfg(unix)]
fn a_full_disk_leaves_the_old_file() {
    let (folder, path) = folder();
    write_sealed(&path, "position", 1, &[b"old"]).unwrap();
    let status = write_under_a_limit("trap '' XFSZ;", &path);
    assert!(status.success(), "the writer: {status}");
    assert_eq!(read_sealed(&path, "position", 1).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["position"]);
}

#[test]
#[cfg(unix)]
fn a_writer_killed_in_the_middle_leaves_the_old_file() {
    let (folder, path) = folder();
    write_sealed(&path, "position", 1, &[b"old"]).unwrap();
    let status = write_under_a_limit("", &path);
    assert!(!status.success(), "the writer was not killed: {status}");
    assert_eq!(names(folder.path()), [".position.tmp", "position"], "it was writing");
    assert_eq!(read_sealed(&path, "position", 1).unwrap(), b"old");
    write_sealed(&path, "position", 1, &[b"new"]).unwrap();
    assert_eq!(read_sealed(&path, "position", 1).unwrap(), b"new");
    assert_eq!(names(folder.path()), ["position"]);
}
