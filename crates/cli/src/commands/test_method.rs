//! `test`: runs a method here and now, and stores nothing.

use mission_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::args::TestArgs;
use crate::exit::Exit;

pub(crate) async fn run(_app: &App, _args: &TestArgs) -> Result<Exit> {
    Err(Error::new(ErrorKind::Setup, "not written yet"))
}
