//! `perennial watch`: a run as it happens, on a local page.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use perennial_report::live::live;
use perennial_watch::{Shown, WatchError, bind, serve};

use crate::args::Watch;
use crate::error::{Code, Problem, REPORT_IT, Result};
use crate::output;
use crate::signals::Signals;
use crate::snapshot::{Follower, Snapshot};

/// Serves the page until the run ends or a signal comes; of a run that has ended, until a signal.
pub(crate) fn run(args: &Watch) -> Result<u8> {
    let signals = Signals::catch()?;
    let mut follower = Follower::open(&args.run)?;
    let first = first(&mut follower)?;
    let listener = bind(args.listen, args.anyone)?;
    let address = address(&listener)?;
    let until =
        if first.last { "this run has ended; Ctrl-C ends the page" } else { "Ctrl-C ends it" };
    output::note(&format!("watch: {address} ({until})"));
    serve(listener, first, looking(follower), || signals.received().is_some())?;
    Ok(0)
}

/// A page that follows the run of this process.
pub(crate) struct Watched {
    server: JoinHandle<std::result::Result<(), WatchError>>,
    over: Arc<AtomicBool>,
    /// The run had ended before: there is no end to wait for.
    ended: bool,
}

/// How long the page may take to see that its run has ended.
const PATIENCE: Duration = Duration::from_secs(3);

impl Watched {
    /// Begins to serve the page of a folder, on any free port.
    pub(crate) fn begin(folder: &Path) -> Result<Self> {
        let mut follower = Follower::open(folder)?;
        let first = first(&mut follower)?;
        let ended = first.last;
        let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), false)?;
        output::note(&format!("watch: {}", address(&listener)?));
        let over = Arc::new(AtomicBool::new(false));
        let stop = over.clone();
        let server = std::thread::spawn(move || {
            serve(listener, first, looking(follower), || stop.load(Ordering::Relaxed))
        });
        Ok(Self { server, over, ended })
    }

    /// Once the result is written: shows it, and closes the page's server.
    pub(crate) fn end(self) -> Result<()> {
        let asked = Instant::now();
        while !self.ended && !self.server.is_finished() && asked.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.over.store(true, Ordering::Relaxed);
        match self.server.join() {
            Ok(served) => Ok(served?),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// What a folder shows before anything changes.
fn first(follower: &mut Follower) -> Result<Shown> {
    let snapshot = follower.look()?;
    let snapshot =
        snapshot.ok_or_else(|| Problem::new(Code::Bug, "a folder shows nothing", REPORT_IT))?;
    shown(&snapshot)
}

fn shown(snapshot: &Snapshot) -> Result<Shown> {
    let Snapshot { comparison, finished } = snapshot;
    Ok(Shown { live: live(comparison, *finished)?, last: *finished })
}

/// What is new, whenever it is asked; what cannot be read is said once and looked at again.
fn looking(mut follower: Follower) -> impl FnMut() -> Option<Shown> {
    let mut said = String::new();
    move || {
        let looked = follower.look().and_then(|snapshot| snapshot.as_ref().map(shown).transpose());
        looked.unwrap_or_else(|problem| {
            if said != problem.message {
                output::note(&format!("watch: {}", problem.message));
                said = problem.message;
            }
            None
        })
    }
}

/// Where the page is.
fn address(listener: &TcpListener) -> Result<String> {
    let address = listener.local_addr().map_err(Problem::io("ask for", "the address".as_ref()))?;
    Ok(format!("http://{address}/"))
}
