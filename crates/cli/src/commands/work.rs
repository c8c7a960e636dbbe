//! `work`: runs as a worker until stopped.

use mission_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::args::WorkArgs;
use crate::exit::Exit;

pub(crate) async fn run(_app: &App, _args: &WorkArgs) -> Result<Exit> {
    Err(Error::new(ErrorKind::Setup, "not written yet"))
}
