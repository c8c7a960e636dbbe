//! `demo`: runs the original's example for real.

use mission_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::args::DemoArgs;
use crate::exit::Exit;

pub(crate) async fn run(_app: &App, _args: &DemoArgs) -> Result<Exit> {
    Err(Error::new(ErrorKind::Setup, "not written yet"))
}
