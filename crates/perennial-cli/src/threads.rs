//! The threads that work is shared among: those of `rayon`'s global pool.

use crate::error::{Code, Problem, Result};

/// Makes this thread one of them. Elsewhere it would sleep while they work and be woken after, at
/// every step.
pub(crate) fn join() -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().use_current_thread();
    pool.build_global().map_err(|error| {
        let hint = "allow this user more processes, or set RAYON_NUM_THREADS=1";
        Problem::new(Code::Io, format!("cannot start threads: {error}"), hint)
    })
}
