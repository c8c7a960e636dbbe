//! `add`: pushes a task and starts it in the background.

use mission_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::args::AddArgs;
use crate::exit::Exit;

pub(crate) async fn run(_app: &App, _args: &AddArgs) -> Result<Exit> {
    Err(Error::new(ErrorKind::Setup, "not written yet"))
}
