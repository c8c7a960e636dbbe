//! `config`: shows each setting, its value and where it came from.

use mission_core::Result;

use crate::app::App;
use crate::exit::Exit;
use crate::output::Table;

pub(crate) fn run(app: &App) -> Result<Exit> {
    let settings = &app.config.settings;
    let mut table = Table::new(["setting", "value", "from"]);
    for setting in settings {
        table.row([setting.key.to_owned(), setting.value.clone(), setting.from.clone()]);
    }
    app.output.list(settings, |setting| setting.key.to_owned(), table)?;
    Ok(Exit::Ok)
}
