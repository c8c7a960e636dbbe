//! `show`: shows one task with everything that is known about it.

use mission_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::args::ShowArgs;
use crate::exit::Exit;

pub(crate) async fn run(_app: &App, _args: &ShowArgs) -> Result<Exit> {
    Err(Error::new(ErrorKind::Setup, "not written yet"))
}
