//! `import`: takes over the records of the original's table.

use mission_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::args::ImportArgs;
use crate::exit::Exit;

pub(crate) async fn run(_app: &App, _args: &ImportArgs) -> Result<Exit> {
    Err(Error::new(ErrorKind::Setup, "not written yet"))
}
