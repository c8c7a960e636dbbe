//! `execute`: runs what is waiting now, in this process.

use mission_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::args::ExecuteArgs;
use crate::exit::Exit;

pub(crate) async fn run(_app: &App, _args: &ExecuteArgs) -> Result<Exit> {
    Err(Error::new(ErrorKind::Setup, "not written yet"))
}
