//! Three answers: the page, its script, and the events.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt as _};

use crate::{Shown, WatchError};

/// How often it is looked whether something changed: well under the second that a reader waits.
const PERIOD: Duration = Duration::from_millis(250);
/// How long readers may take for the last event.
const GRACE: Duration = Duration::from_secs(2);

type News = watch::Receiver<Arc<Shown>>;

/// Serves `first`, and what `look` says whenever it says something, until what it says is the
/// [last](Shown::last) or `stopped` says so. Where `first` is the last already, until `stopped`
/// alone: somebody wants to read it.
///
/// # Errors
/// [`WatchError::Server`].
pub fn serve(
    listener: TcpListener,
    first: Shown,
    mut look: impl FnMut() -> Option<Shown>,
    stopped: impl Fn() -> bool,
) -> Result<(), WatchError> {
    let stays = first.last;
    let (sender, news) = watch::channel(Arc::new(first));
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let server = std::thread::spawn(move || -> Result<(), WatchError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(answer(listener, news, ended))
    });
    while !stopped() && !server.is_finished() {
        std::thread::sleep(PERIOD);
        if stays {
            continue;
        }
        if let Some(shown) = look() {
            let last = shown.last;
            sender.send_replace(Arc::new(shown));
            if last {
                break;
            }
        }
    }
    // A server that has ended by itself hears nothing any more.
    let _ = end.send(());
    drop(sender);
    let asked = Instant::now();
    while !server.is_finished() && asked.elapsed() < GRACE {
        std::thread::sleep(Duration::from_millis(20));
    }
    // One that still waits for a reader ends with the program.
    if server.is_finished() { server.join().unwrap_or(Ok(())) } else { Ok(()) }
}

async fn answer(
    listener: TcpListener,
    news: News,
    ended: tokio::sync::oneshot::Receiver<()>,
) -> Result<(), WatchError> {
    let router = Router::new()
        .route("/", get(page))
        .route("/watch.js", get(script))
        .route("/events", get(events))
        .with_state(news);
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let server = axum::serve(listener, router);
    // A sender that is gone asks for the end too.
    Ok(server.with_graceful_shutdown(async { drop(ended.await) }).await?)
}

async fn page(State(news): State<News>) -> impl IntoResponse {
    let shown = news.borrow().clone();
    ([(CACHE_CONTROL, "no-store")], Html(shown.live.page.clone()))
}

async fn script() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], perennial_report::live::SCRIPT)
}

/// What is there now, then every change; after the last one `end`.
async fn events(State(news): State<News>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = WatchStream::new(news).map(|shown| {
        // As JSON it is one line, which is what an event's data must be.
        let text = serde_json::to_string(&shown.live.part).unwrap_or_default();
        Ok(Event::default().event("part").data(text))
    });
    let end = tokio_stream::once(Ok(Event::default().event("end").data("")));
    Sse::new(changes.chain(end)).keep_alive(KeepAlive::default())
}
