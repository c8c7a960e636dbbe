//! `retry`: lets ended tasks run again.

use mission_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::args::ManyArgs;
use crate::exit::Exit;

pub(crate) async fn run(_app: &App, _args: &ManyArgs) -> Result<Exit> {
    Err(Error::new(ErrorKind::Setup, "not written yet"))
}
