//! `limit`: sets how many tasks of a type may run at once.

use mission_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::args::LimitArgs;
use crate::exit::Exit;

pub(crate) async fn run(_app: &App, _args: &LimitArgs) -> Result<Exit> {
    Err(Error::new(ErrorKind::Setup, "not written yet"))
}
