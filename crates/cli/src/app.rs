//! What a command works with: the settings, the methods, and the database, opened when it is first asked for.

use std::fmt::Display;

use mission_core::{Error, Result};
use mission_engine::testing::{self, Testing};
use mission_engine::{Method, Mission, Registry, States, WorkerBuilder};
use tokio::sync::OnceCell;

use crate::args::{Args, BenchArgs, Command};
use crate::builtin;
use crate::config::{Config, DatabaseUrl};
use crate::output::{Output, say, visible_lines};
use crate::program::Program;

/// What the program gives to the commands.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) methods: Vec<Method>,
    pub(crate) states: States,
    /// Those for demos and measuring.
    pub(crate) has_builtin_methods: bool,
}

/// One run of one command.
pub(crate) struct App {
    pub(crate) program: Program,
    pub(crate) config: Config,
    pub(crate) output: Output,
    methods: Vec<Method>,
    states: States,
    is_patient: bool,
    mission: OnceCell<Mission>,
}

impl App {
    pub(crate) fn new(given: Given, program: Program, args: &Args) -> Result<Self> {
        let config = match args.command {
            Command::Demo(_) | Command::Bench(BenchArgs { serve: false, .. }) => {
                Config::resolve_for_trial(&args.global)?
            }
            _ => Config::resolve(&args.global)?,
        };
        let output = Output::new(config.output, args.global.quiet);
        let is_patient = matches!(args.command, Command::Work(_));
        let mut methods = given.methods;
        if given.has_builtin_methods {
            methods.extend(builtin::methods());
        }
        Ok(Self { program, config, output, methods, states: given.states, is_patient, mission: OnceCell::new() })
    }

    /// The database, made if it is a SQLite file that is not there: for commands that push, work or migrate.
    pub(crate) async fn open_or_create(&self) -> Result<&Mission> {
        let open = || async {
            let database = self.lasting_database()?;
            let was_there = database.sqlite_file().is_none_or(|file| file.exists());
            let mission = self.answering(Mission::open(database.url()).await?).await?;
            let did = if was_there { "using" } else { "made" };
            self.note(format_args!("{did} the database {}", database.masked()));
            Ok(mission)
        };
        self.mission.get_or_try_init(open).await
    }

    /// The database, never made: for all other commands.
    pub(crate) async fn open_existing(&self) -> Result<&Mission> {
        let open = || async {
            let database = self.lasting_database()?;
            let mission = Mission::open_existing(database.url()).await.map_err(|error| elsewhere(error, database))?;
            let mission = self.answering(mission).await?;
            self.note(format_args!("using the database {}", database.masked()));
            Ok(mission)
        };
        self.mission.get_or_try_init(open).await
    }

    /// A database that other processes meet too: what is pushed is left to them.
    fn lasting_database(&self) -> Result<&DatabaseUrl> {
        let database = &self.config.database;
        if database.is_in_memory() {
            return Err(self.usage(format!(
                "the database {} ends with this command: name a file, as in sqlite://mission.db, or run a method \
                 without a database by `mission test`",
                database.masked()
            )));
        }
        Ok(database)
    }

    /// Somebody at a terminal is told at once that a server is away; a worker that starts beside it waits a little.
    async fn answering(&self, mission: Mission) -> Result<Mission> {
        if !self.is_patient {
            mission.ping().await?;
        }
        Ok(mission)
    }

    /// The methods this program has: those that registered themselves, and those it was given. None is no fault here.
    pub(crate) fn registry(&self) -> Result<Registry> {
        Registry::collect(self.methods.clone())
    }

    /// The names of the methods this program has, in order.
    pub(crate) fn method_names(&self) -> Vec<String> {
        self.registry().map(|registry| registry.names().map(str::to_owned).collect()).unwrap_or_default()
    }

    /// A worker on this database with this program's methods and state.
    pub(crate) fn worker(&self, mission: &Mission) -> WorkerBuilder {
        let (folder, keep) = (self.config.files.clone(), self.config.keep);
        let worker = mission.worker().methods(self.methods.clone()).states(self.states.clone());
        worker.settings(|settings| {
            settings.files.folder = Some(folder);
            settings.keep = keep;
        })
    }

    /// A database that goes with its handle and runs what is pushed at once, with this program's methods and state.
    pub(crate) fn testing(&self) -> Testing {
        testing::methods(self.methods.clone()).states(self.states.clone()).files(&self.config.files)
    }

    /// Says something beside the results, on stderr, unless told to be quiet.
    pub(crate) fn note(&self, message: impl Display) {
        if !self.output.is_quiet {
            self.fault(message);
        }
    }

    /// Says on stderr what went wrong.
    pub(crate) fn fault(&self, message: impl Display) {
        let message = self.hint(&message.to_string());
        say(format_args!("{}: {}", self.program.name, visible_lines(&message)));
    }

    /// A text whose hints name commands as they are typed here, for the database that a flag named.
    pub(crate) fn hint(&self, text: &str) -> String {
        let database = &self.config.database;
        let flag =
            database.flag().filter(|_| !database.is_in_memory()).map_or(String::new(), |flag| format!("{flag} "));
        text.replace("`mission ", &format!("`{} {flag}", self.program.name))
    }

    /// Closes the database, so that SQLite tidies its files away.
    pub(crate) async fn close(&self) {
        if let Some(mission) = self.mission.get() {
            mission.close().await;
        }
    }

    /// An error of how the command was typed, exit 2.
    pub(crate) fn usage(&self, message: impl Into<String>) -> Error {
        Error::invalid(message.into())
    }
}

/// Whoever is in another folder than the database's file is told how it is named.
fn elsewhere(error: Error, database: &DatabaseUrl) -> Error {
    if !error.is_not_found() || database.flag().is_some() || database.sqlite_file().is_none() {
        return error;
    }
    let way = "one that lies elsewhere is named by --database or MISSION_DATABASE";
    Error::new(error.kind(), format!("{error}; {way}")).with_source(error)
}
