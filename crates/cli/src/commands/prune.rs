//! `prune`: removes ended tasks whose time is over.

use mission_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::args::PruneArgs;
use crate::exit::Exit;

pub(crate) async fn run(_app: &App, _args: &PruneArgs) -> Result<Exit> {
    Err(Error::new(ErrorKind::Setup, "not written yet"))
}
