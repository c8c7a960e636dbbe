//! `doctor`: says what this database and machine promise.

use mission_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::args::DoctorArgs;
use crate::exit::Exit;

pub(crate) async fn run(_app: &App, _args: &DoctorArgs) -> Result<Exit> {
    Err(Error::new(ErrorKind::Setup, "not written yet"))
}
