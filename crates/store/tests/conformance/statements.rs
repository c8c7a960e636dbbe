//! The SQL files: each is used by one statement, and each database can read what is meant for it.

use std::collections::BTreeMap;
use std::path::Path;

use mission_testkit::{Database, Kind, conformance};

use crate::stage::open;
use crate::texts::{Raw, dialect, folder, other_texts, text};

conformance![every_statement_can_be_read_by_its_database];

/// The files of a folder and of those in it, by their paths from there.
fn files(folder: &Path, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                found.push(path.strip_prefix(folder).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_sql_file_is_used_by_exactly_one_statement() {
    let mut uses: BTreeMap<String, usize> = files(&folder(), "sql").into_iter().map(|file| (file, 0)).collect();
    let sources = folder().parent().unwrap().to_owned();
    for file in files(&sources, "rs") {
        let code = std::fs::read_to_string(sources.join(&file)).unwrap();
        for (_, rest) in code.match_indices("include_str!(\"").map(|(at, found)| code.split_at(at + found.len())) {
            let path = rest.split('"').next().unwrap().trim_start_matches("../").trim_start_matches("sql/");
            *uses.get_mut(path).unwrap_or_else(|| panic!("{file} includes {path}, which is not there")) += 1;
        }
    }
    assert!(uses.len() > 50, "{uses:?}");
    let others: Vec<_> = uses.into_iter().filter(|(_, count)| *count != 1).collect();
    assert!(others.is_empty(), "not used once: {others:?}");
}

/// The operations that a kind has, by the names of the files.
fn operations(kind: Kind) -> Vec<String> {
    let (_, word) = dialect(kind);
    let names = files(&folder(), "sql").into_iter().filter(|file| !file.starts_with("schema/"));
    let mut operations: Vec<String> = names
        .filter_map(|file| match file.trim_end_matches(".sql").split_once('.') {
            None => Some(file.trim_end_matches(".sql").to_owned()),
            Some((operation, own)) => (own == word).then(|| operation.to_owned()),
        })
        .collect();
    operations.dedup();
    operations
}

async fn every_statement_can_be_read_by_its_database(db: Database) {
    open(&db).await;
    let mut raw = Raw::open(&db).await;
    // The import reads a table of the original's, with a column of whatever name it looks for.
    let original = "id integer, unique_id text, method text, params text, type text, state integer, content text,
        creator text, created_date text, modified_date text, probed text";
    raw.script(&format!("create table admin_background_tasks ({original})")).await;
    let operations = operations(db.kind());
    assert!(operations.len() > 40, "{operations:?}");
    // The optional clauses of the list, each alone and all that go together.
    let words = ["init", "executing", "success", "fail", "cancelled", "method", "type", "creator", "since", "name"];
    let mut others = 0;
    for operation in operations {
        for sql in other_texts(db.kind(), &operation) {
            raw.prepare(&sql).await.unwrap_or_else(|fault| panic!("{operation}: {fault}\n{sql}"));
            others += 1;
        }
        for asked in words.iter().map(std::slice::from_ref).chain([&words[5..9], &[]]) {
            let sql = text(db.kind(), &operation, asked).sql;
            raw.prepare(&sql).await.unwrap_or_else(|fault| panic!("{operation}: {fault}\n{sql}"));
        }
    }
    // Push and settle; on MySQL also without a table, where that of a push has no ids, those of settle, of report and of what follows a claim have.
    assert_eq!(others, if db.kind().is_mysql_like() { 2 + 1 + 4 * 2 } else { 2 });
}
