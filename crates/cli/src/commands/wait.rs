//! `wait`: waits until tasks have ended.

use mission_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::args::WaitArgs;
use crate::exit::Exit;

pub(crate) async fn run(_app: &App, _args: &WaitArgs) -> Result<Exit> {
    Err(Error::new(ErrorKind::Setup, "not written yet"))
}
