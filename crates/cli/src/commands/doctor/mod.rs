//! `doctor`: says what this database and this machine promise, and what is wrong.

mod file_system;

use mission_core::Result;
use mission_engine::{Finding, Grade};
use serde::Serialize;

use crate::app::App;
use crate::args::DoctorArgs;
use crate::exit::Exit;
use crate::on_demand;
use crate::output::visible;

/// The findings, for programs.
#[derive(Debug, Serialize)]
struct Report<'f> {
    database: &'f str,
    url: String,
    #[serde(rename = "sound")]
    is_sound: bool,
    findings: &'f [Finding],
}

pub(crate) async fn run(app: &App, _args: &DoctorArgs) -> Result<Exit> {
    let mut health = app.open_existing().await?.health().await?;
    let file = app.config.database.sqlite_file();
    health.findings.extend(file.and_then(|file| file_system::judge(&file)));
    health.findings.push(on_demand::judge(app));
    let report = Report {
        database: &health.database,
        url: app.config.database.masked(),
        is_sound: health.is_sound(),
        findings: &health.findings,
    };
    let text = app.hint(&for_people(&report));
    app.output.one(&report, if report.is_sound { "sound" } else { "wrong" }, &text)?;
    Ok(if report.is_sound { Exit::Ok } else { Exit::Error })
}

fn for_people(report: &Report<'_>) -> String {
    let mut text = format!("{} at {}\n", report.database, report.url);
    let width = report.findings.iter().map(|finding| finding.about.len()).max().unwrap_or(0);
    for finding in report.findings {
        let grade = match finding.grade {
            Grade::Good => "ok   ",
            Grade::Note => "note ",
            Grade::Wrong => "WRONG",
        };
        text.push_str(&format!("  {grade}  {:width$}  {}\n", finding.about, visible(&finding.sentence)));
    }
    let wrong = report.findings.iter().filter(|finding| finding.grade == Grade::Wrong).count();
    text.push_str(&match wrong {
        0 => "nothing is wrong\n".to_owned(),
        1 => "one thing is wrong\n".to_owned(),
        wrong => format!("{wrong} things are wrong\n"),
    });
    text
}
