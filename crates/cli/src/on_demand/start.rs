//! Starting the worker on demand: this program again, in the background, with the database's URL in its environment.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mission_core::{Error, ErrorKind, Result};

use super::place::Place;
use crate::app::App;
use crate::args::ON_DEMAND;

/// How long a push waits for a worker that is being started already, before it starts another process that waits.
const STARTING_MAX: Duration = Duration::from_secs(2);
const STARTING_POLL: Duration = Duration::from_millis(20);

/// Makes sure that somebody runs the tasks of this method and type: a live worker that serves them, or one that this starts.
///
/// To be called once the push is committed.
pub(crate) async fn ensure(app: &App, method: &str, task_type: &str) -> Result<()> {
    ensure_child(app, method, task_type).await.map(drop)
}

/// The same; answers the process that was started, if one was.
pub(super) async fn ensure_child(app: &App, method: &str, task_type: &str) -> Result<Option<Child>> {
    let mission = app.open_existing().await?;
    if mission.is_served(method, task_type).await? {
        return Ok(None);
    }
    if !app.method_names().iter().any(|known| known == method) {
        app.note(format_args!(
            "no live worker serves {method:?}, and this program does not have it: it waits for one that does"
        ));
        return Ok(None);
    }
    let place = Place::of(app)?;
    let since = Instant::now();
    // Of many pushes at once only the first few start a process: the others see that somebody does already.
    while place.lock()?.is_none() && since.elapsed() < STARTING_MAX {
        tokio::time::sleep(STARTING_POLL).await;
        if mission.is_served(method, task_type).await? {
            return Ok(None);
        }
    }
    start(app, &place).map(Some)
}

fn start(app: &App, place: &Place) -> Result<Child> {
    let log = place.open_log()?;
    let errors = log.try_clone().map_err(cannot_start)?;
    let mut command = again(app)?;
    command.stdin(Stdio::null()).stdout(log).stderr(errors);
    // Whatever the caller's caller left open, a lock perhaps, must not stay open for as long as the worker lives.
    close_fds::set_fds_cloexec(3, &[]);
    let child = command.spawn().map_err(cannot_start)?;
    app.note(format_args!("started a worker in the background; its log: {}", place.log.display()));
    Ok(child)
}

/// This program as a worker on demand. The URL may hold a password, and command lines are for everybody to read.
pub(super) fn again(app: &App) -> Result<Command> {
    let program = std::env::current_exe().map_err(cannot_start)?;
    let mut command = Command::new(program);
    command.args(&app.program.leading).args(["work", ON_DEMAND]);
    command.env("MISSION_DATABASE", app.config.database.absolute());
    // Whoever pushed may be a service; the worker it leaves behind must not speak for it.
    for variable in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
        command.env_remove(variable);
    }
    if let Some(file) = &app.config.file {
        command.env("MISSION_CONFIG", file);
    }
    Ok(command)
}

pub(super) fn cannot_start(fault: std::io::Error) -> Error {
    let sentence = format!("cannot start a worker in the background: {fault}; start one with `mission work`");
    Error::new(ErrorKind::Setup, sentence).with_source(fault)
}
