//! The names of the settings, and which one somebody may have meant.

use mission_core::{Error, Result};

pub(super) const DATABASE_USUAL: &str = "sqlite://mission.db";

/// The settings' names in `mission.toml`; in the environment they are upper case behind `MISSION_`.
pub(super) const KEYS: [&str; 10] =
    ["database", "output", "files", "concurrency", "types", "grace", "lease", "keep", "keep_failed", "log"];

/// Variables that say where settings are, or belong to something else.
const OTHER_VARIABLES: [&str; 1] = ["MISSION_CONFIG"];

/// The variable of a setting.
pub(super) fn variable(key: &str) -> String {
    format!("MISSION_{}", key.to_uppercase())
}

/// Further variables of a setting, after its own.
pub(super) fn further_variables(key: &str) -> &'static [&'static str] {
    if key == "database" { &["MISSION_DATABASE_URL", "DATABASE_URL"] } else { &[] }
}

/// Refuses a variable that can only be a slip of the pen; others that begin with `MISSION_` are somebody else's.
pub(super) fn check_variable(name: &str, from: &str) -> Result<()> {
    if !name.starts_with("MISSION_") || OTHER_VARIABLES.contains(&name) {
        return Ok(());
    }
    let known: Vec<String> = KEYS.into_iter().map(variable).collect();
    if known.iter().any(|known| known == name) || further_variables("database").contains(&name) {
        return Ok(());
    }
    match known.iter().find(|known| strsim::osa_distance(known, name) <= 2) {
        Some(meant) => Err(Error::invalid(format!("{from} sets {name}, which nothing reads: did you mean {meant}?"))),
        None => Ok(()),
    }
}

/// Refuses a key that nothing reads.
pub(super) fn check_key(name: &str, from: &str) -> Result<()> {
    if KEYS.contains(&name) {
        return Ok(());
    }
    let meant = nearest(name, KEYS).map_or(String::new(), |meant| format!(" did you mean {meant:?}?"));
    Err(Error::invalid(format!("{from} sets {name:?}, which nothing reads:{meant} known are {}", KEYS.join(", "))))
}

/// The word that somebody may have meant: the nearest, if it is near.
pub(crate) fn nearest<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let lower = word.to_lowercase();
    let near = known.into_iter().map(|known| (strsim::jaro_winkler(&lower, &known.to_lowercase()), known));
    near.filter(|(score, _)| *score > 0.8).max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, known)| known)
}

/// A list written with commas.
pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_named_and_other_variables_are_left_alone() {
        let text = check_variable("MISSION_DATABSE", "the environment").unwrap_err().to_string();
        assert!(text.contains("did you mean MISSION_DATABASE?"), "{text}");
        for fine in ["MISSION_DATABASE", "MISSION_DATABASE_URL", "MISSION_CONFIG", "MISSION_TEST_SKIP", "PATH"] {
            assert!(check_variable(fine, "the environment").is_ok(), "{fine}");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error_with_the_one_meant() {
        let text = check_key("databse", "mission.toml").unwrap_err().to_string();
        assert!(text.contains("did you mean \"database\"?") && text.contains("known are database, output"), "{text}");
        assert!(!check_key("zzz", "mission.toml").unwrap_err().to_string().contains("did you mean"));
    }
}
