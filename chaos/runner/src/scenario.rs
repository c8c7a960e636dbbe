//! The scenarios by name, on which databases each makes sense, and what stands between.

use mission_testkit::Kind;
use mission_verifier::Outcome;

use crate::outcome::Faults;
use crate::run::Run;
use crate::scenarios::{
    application, commit_loss, crowd, cut, deadlock_storm, disk_full, kill, restart, sigterm_storm, zombie,
};
use crate::stage::Setting;

/// What is done to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// SIGKILL at random workers, again and again.
    Kill,
    /// SIGKILL and SIGTERM at random processes that push beside a worker of their own.
    Application,
    /// Workers frozen past their lease, which then go on and try to write.
    Zombie,
    /// The database killed and started again.
    Restart,
    /// Requests that are done, and their replies lost.
    CommitLoss,
    /// Connections cut.
    Cut,
    /// Eight processes on one SQLite file, killed in the middle of a commit.
    SqliteCrowd,
    /// Somebody else's transactions that lock tasks in any order.
    DeadlockStorm,
    /// SIGTERM at random workers, again and again.
    SigtermStorm,
    /// No room on the database's disk.
    DiskFull,
}

impl Scenario {
    /// All of them, in the order in which they run.
    pub const ALL: [Self; 10] = [
        Self::Kill,
        Self::Application,
        Self::Zombie,
        Self::Restart,
        Self::CommitLoss,
        Self::Cut,
        Self::SqliteCrowd,
        Self::DeadlockStorm,
        Self::SigtermStorm,
        Self::DiskFull,
    ];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Application => "application",
            Self::Zombie => "zombie",
            Self::Restart => "restart",
            Self::CommitLoss => "commit-loss",
            Self::Cut => "cut",
            Self::SqliteCrowd => "sqlite-crowd",
            Self::DeadlockStorm => "deadlock-storm",
            Self::SigtermStorm => "sigterm-storm",
            Self::DiskFull => "disk-full",
        }
    }

    pub(crate) fn named(name: &str) -> Outcome<Self> {
        let found = Self::ALL.into_iter().find(|scenario| scenario.name() == name);
        let names: Vec<_> = Self::ALL.map(Self::name).into();
        found.ok_or_else(|| format!("unknown scenario {name}: use {}", names.join(", ")).into())
    }

    /// Whether the scenario makes sense on this kind.
    pub const fn fits(self, kind: Kind) -> bool {
        match self {
            Self::Kill | Self::Application | Self::Zombie | Self::SigtermStorm => true,
            Self::Restart | Self::CommitLoss | Self::Cut => !matches!(kind, Kind::Sqlite),
            Self::SqliteCrowd | Self::DiskFull => matches!(kind, Kind::Sqlite),
            Self::DeadlockStorm => kind.is_mysql_like(),
        }
    }

    pub(crate) const fn setting(self) -> Setting {
        match self {
            Self::Restart | Self::DeadlockStorm => Setting::OwnServer,
            Self::CommitLoss | Self::Cut => Setting::Proxy,
            _ => Setting::Plain,
        }
    }

    pub(crate) async fn play(self, run: &mut Run) -> Outcome<Faults> {
        match self {
            Self::Kill => kill::play(run).await,
            Self::Application => application::play(run).await,
            Self::Zombie => zombie::play(run).await,
            Self::Restart => restart::play(run).await,
            Self::CommitLoss => commit_loss::play(run).await,
            Self::Cut => cut::play(run).await,
            Self::SqliteCrowd => crowd::play(run).await,
            Self::DeadlockStorm => deadlock_storm::play(run).await,
            Self::SigtermStorm => sigterm_storm::play(run).await,
            Self::DiskFull => disk_full::play(run).await,
        }
    }
}
