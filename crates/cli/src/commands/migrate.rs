//! `migrate`: makes the tables, or brings them up to date.

use mission_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::args::MigrateArgs;
use crate::exit::Exit;

pub(crate) async fn run(_app: &App, _args: &MigrateArgs) -> Result<Exit> {
    Err(Error::new(ErrorKind::Setup, "not written yet"))
}
