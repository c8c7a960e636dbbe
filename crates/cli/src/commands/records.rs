//! `records`: lists the tasks, newest first.

use mission_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::args::RecordsArgs;
use crate::exit::Exit;

pub(crate) async fn run(_app: &App, _args: &RecordsArgs) -> Result<Exit> {
    Err(Error::new(ErrorKind::Setup, "not written yet"))
}
