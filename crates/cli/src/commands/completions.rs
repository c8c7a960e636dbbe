//! `completions`: prints the completions for a shell.

use mission_core::Result;

use crate::app::App;
use crate::args::CompletionsArgs;
use crate::args::command_line;
use crate::exit::Exit;

pub(crate) fn run(app: &App, args: &CompletionsArgs) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command_line(&app.program), &app.program.name, &mut script);
    app.output.bytes(&script)?;
    Ok(Exit::Ok)
}
