//! `methods`: lists the methods that can be run.

use mission_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::exit::Exit;

pub(crate) async fn run(_app: &App) -> Result<Exit> {
    Err(Error::new(ErrorKind::Setup, "not written yet"))
}
