//! `resume`: lets the tasks of a paused type run again.

use mission_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::args::TypesArgs;
use crate::exit::Exit;

pub(crate) async fn run(_app: &App, _args: &TypesArgs) -> Result<Exit> {
    Err(Error::new(ErrorKind::Setup, "not written yet"))
}
