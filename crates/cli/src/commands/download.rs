//! `download`: fetches a result file of a task, whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind as Io, Write as _};
use std::path::{Path, PathBuf};

use mission_core::{Artifact, Error, ErrorKind, Result, Task, UniqueId};
use mission_engine::check_file_name;
use serde::Serialize;

use crate::app::App;
use crate::args::{DownloadArgs, OutputFormat};
use crate::exit::Exit;

/// Bytes copied between two looks for Ctrl-C.
const BLOCK_BYTES: usize = 1 << 20;

pub(crate) async fn run(app: &App, args: &DownloadArgs) -> Result<Exit> {
    let mission = app.open_existing().await?;
    let task = mission.find(args.id.trim()).await?;
    let artifacts = mission.artifacts(&task.unique_id).await?;
    let artifact = chosen(&task, &artifacts, args.name.as_deref())?;
    let mut reader = match mission.read_artifact(artifact, &app.config.files).await {
        Ok(reader) => reader,
        Err(fault) => {
            say_who_wrote_it(app, &task).await;
            return Err(fault);
        }
    };
    if args.to.as_deref() == Some(Path::new("-")) {
        each_block(&mut reader, |block| app.output.bytes(block)).await?;
        return Ok(Exit::Ok);
    }
    let mut landing = match &args.to {
        Some(path) => Landing::replacing(path)?,
        None => Landing::fresh(own_name(artifact)?)?,
    };
    each_block(&mut reader, |block| landing.write(block)).await?;
    print(app, artifact, &landing.land()?)?;
    Ok(Exit::Ok)
}

/// Where somebody may look who does not find the file here, as long as its worker is on the list.
async fn say_who_wrote_it(app: &App, task: &Task) {
    let Ok(mission) = app.open_existing().await else { return };
    let workers = mission.workers().await.unwrap_or_default();
    if let Some(worker) = workers.iter().find(|worker| Some(worker.id) == task.worker_id) {
        app.note(format_args!("task {} ran on host {} (worker {})", task.unique_id, worker.host, worker.name));
    }
}

/// The file that is meant: the one of this name, or the only one.
fn chosen<'a>(task: &Task, artifacts: &'a [Artifact], name: Option<&str>) -> Result<&'a Artifact> {
    let id = &task.unique_id;
    let names = || artifacts.iter().map(|one| format!("{:?}", one.name)).collect::<Vec<_>>().join(", ");
    match (name, artifacts) {
        (_, []) => Err(Error::new(ErrorKind::NotFound, format!("task {id} has no result files: it is {}", task.state))),
        (None, [only]) => Ok(only),
        (None, _) => Err(Error::invalid(format!("task {id} has several result files, name one of them: {}", names()))),
        (Some(name), _) => artifacts.iter().find(|one| one.name == name).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("task {id} has no result file {name:?}: it has {}", names()))
        }),
    }
}

/// The file's own name, where it is one: a row can be written by anybody.
fn own_name(artifact: &Artifact) -> Result<&Path> {
    check_file_name(&artifact.name)
        .map_err(|fault| Error::invalid(format!("{fault}; say with -O FILE where it goes")).with_source(fault))?;
    Ok(Path::new(&artifact.name))
}

/// Hands over the file block by block; between two of them a signal may end the command.
async fn each_block(reader: &mut impl io::Read, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        let read =
            reader.read(&mut block).map_err(|fault| cannot("read the result file", &fault.to_string(), fault))?;
        if read == 0 {
            return Ok(());
        }
        take(&block[..read])?;
        tokio::task::yield_now().await;
    }
}

/// A file on its way: under another name beside its place until it is whole, and gone if it never is.
struct Landing {
    file: File,
    /// Where it is written; the place itself where that is no ordinary file, such as a pipe.
    staging: Option<PathBuf>,
    place: PathBuf,
    may_replace: bool,
}

impl Landing {
    /// For a place that must be free.
    fn fresh(place: &Path) -> Result<Self> {
        if place.symlink_metadata().is_ok() {
            return Err(taken(place));
        }
        Self::beside(place, false)
    }

    /// For a place that somebody named: what is there is replaced once the new file is whole.
    fn replacing(place: &Path) -> Result<Self> {
        match fs::metadata(place) {
            Ok(found) if found.is_dir() => {
                let sentence = format!("{} is a folder: name a file in it", place.display());
                Err(Error::invalid(sentence))
            }
            Ok(found) if !found.is_file() => {
                let opened = OpenOptions::new().write(true).open(place);
                let file = opened.map_err(|fault| cannot("write", &place.display().to_string(), fault))?;
                Ok(Self { file, staging: None, place: place.to_owned(), may_replace: true })
            }
            _ => Self::beside(place, true),
        }
    }

    fn beside(place: &Path, may_replace: bool) -> Result<Self> {
        // Without the place's own name, which may be as long as a name can be, and without the process number, which in
        // containers comes again: what a killed download left would stand in the way.
        let staging = place.with_file_name(format!(".mission-download.{}.part", UniqueId::random()));
        let opened = OpenOptions::new().write(true).create_new(true).open(&staging);
        let whom = || format!("{}, at first as {}", place.display(), staging.display());
        let file = opened.map_err(|fault| cannot("write", &whom(), fault))?;
        Ok(Self { file, staging: Some(staging), place: place.to_owned(), may_replace })
    }

    fn write(&mut self, block: &[u8]) -> Result<()> {
        self.file.write_all(block).map_err(|fault| cannot("write", &self.place.display().to_string(), fault))
    }

    /// Gives it its name; answers where it is.
    fn land(self) -> Result<PathBuf> {
        let Some(staging) = self.staging.as_deref() else { return Ok(self.place.clone()) };
        let landed = if self.may_replace { fs::rename(staging, &self.place) } else { take_free(staging, &self.place) };
        match landed {
            Ok(()) => {}
            Err(fault) if fault.kind() == Io::AlreadyExists => return Err(taken(&self.place)),
            Err(fault) => return Err(cannot("write", &self.place.display().to_string(), fault)),
        }
        Ok(std::path::absolute(&self.place).unwrap_or_else(|_| self.place.clone()))
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        if let Some(staging) = &self.staging {
            // What cannot be removed is clutter, and whatever went wrong is told already.
            let _ = fs::remove_file(staging);
        }
    }
}

/// Gives a file a name that is free: a link never replaces anything, a rename always does. Some file systems know no links.
fn take_free(staging: &Path, place: &Path) -> io::Result<()> {
    match fs::hard_link(staging, place) {
        Err(fault) if fault.kind() != Io::AlreadyExists && place.symlink_metadata().is_err() => {
            fs::rename(staging, place)
        }
        linked => linked,
    }
}

fn taken(place: &Path) -> Error {
    let sentence = format!("{} is there already: say with -O FILE where it goes", place.display());
    Error::new(ErrorKind::Setup, sentence)
}

fn cannot(what: &str, whom: &str, fault: io::Error) -> Error {
    Error::new(ErrorKind::Setup, format!("cannot {what} {whom}: {fault}")).with_source(fault)
}

/// What was fetched, and where it lies.
#[derive(Serialize)]
struct Fetched<'a> {
    #[serde(flatten)]
    artifact: &'a Artifact,
    path: &'a Path,
}

fn print(app: &App, artifact: &Artifact, path: &Path) -> Result<()> {
    let shown = path.display().to_string();
    match app.output.format {
        OutputFormat::Table | OutputFormat::Id => app.output.line(shown),
        OutputFormat::Json | OutputFormat::Jsonl => app.output.one(&Fetched { artifact, path }, &shown, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_download_left_stands_in_no_other_ones_way() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("orders.csv");
        std::mem::forget(Landing::fresh(&place).unwrap());
        // In a container every command may have the same process number.
        let mut again = Landing::fresh(&place).unwrap();
        again.write(b"1 lamp").unwrap();
        again.land().unwrap();
        assert_eq!(fs::read(&place).unwrap(), b"1 lamp");
    }

    #[test]
    fn an_error_names_the_file_that_cannot_be_written() {
        let fault = Landing::fresh(Path::new("no/such/folder/orders.csv")).err().unwrap().to_string();
        assert!(fault.starts_with("cannot write no/such/folder/orders.csv"), "{fault}");
        assert!(fault.contains("no/such/folder/.mission-download."), "{fault}");
    }
}
