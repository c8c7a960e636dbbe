//! `watch`: shows tasks run until they have ended.

use mission_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::args::WatchArgs;
use crate::exit::Exit;

pub(crate) async fn run(_app: &App, _args: &WatchArgs) -> Result<Exit> {
    Err(Error::new(ErrorKind::Setup, "not written yet"))
}
