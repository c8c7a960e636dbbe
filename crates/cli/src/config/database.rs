//! The database's URL: what may be shown of it, and where its file is.

use std::path::{Path, PathBuf};

use mission_core::{Error, Result};

use super::keys::DATABASE_USUAL;
use super::sources::Given;

/// The URL as it was given.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct DatabaseUrl {
    url: String,
    is_by_flag: bool,
}

impl DatabaseUrl {
    pub(super) fn new(given: Option<Given>) -> Self {
        let is_by_flag = given.as_ref().is_some_and(|given| given.from == "--database");
        Self { url: given.map_or_else(|| DATABASE_USUAL.to_owned(), |given| given.value), is_by_flag }
    }

    /// The flag that named it, as a shell takes it; a password is masked there, too.
    pub(crate) fn flag(&self) -> Option<String> {
        self.is_by_flag.then(|| format!("--database {}", shell_word(&self.masked())))
    }

    /// As it was given, password and all: for opening, never for showing.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// For showing.
    pub(crate) fn masked(&self) -> String {
        mask(&self.url)
    }

    /// Refuses a file in a folder whose name no URL can say: a worker of it would look elsewhere.
    pub(super) fn check(&self) -> Result<()> {
        let place = self.folder();
        if self.sqlite_file().is_some() && place.to_str().is_none() {
            return Err(Error::invalid(format!(
                "the folder {} of the database has a name that is not UTF-8: use a file in another folder, or rename this one",
                place.display()
            )));
        }
        Ok(())
    }

    /// Meaning the same from any folder: for a process that may run elsewhere.
    pub(crate) fn absolute(&self) -> String {
        let (Some(file), Some(here)) = (self.sqlite_file(), std::env::current_dir().ok()) else {
            return self.url.clone();
        };
        let query = self.url.split_once('?').map_or(String::new(), |(_, query)| format!("?{query}"));
        let path = here.join(file).display().to_string().replace('%', "%25").replace('?', "%3F");
        format!("sqlite://{path}{query}")
    }

    /// SQLite's file, if it is one.
    pub(crate) fn sqlite_file(&self) -> Option<PathBuf> {
        let rest = self.url.strip_prefix("sqlite:")?;
        let path = rest.strip_prefix("//").unwrap_or(rest);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        if path.is_empty() || path == ":memory:" || query.contains("mode=memory") {
            return None;
        }
        Some(PathBuf::from(decoded(path)))
    }

    /// Whether it is SQLite without a file.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.url.starts_with("sqlite:") && self.sqlite_file().is_none()
    }

    /// The folder that SQLite's file is in; for a server, the current one.
    pub(super) fn folder(&self) -> PathBuf {
        let here = std::env::current_dir().unwrap_or_default();
        let file = self.sqlite_file();
        here.join(file.as_deref().and_then(Path::parent).unwrap_or(Path::new("")))
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.masked())
    }
}

/// Puts *** where a URL has a password: behind the user's name, and in parameters that say so.
pub(crate) fn mask(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once(':') else {
        return url.to_owned();
    };
    if scheme == "sqlite" {
        return url.to_owned();
    }
    // A password may hold an unescaped '@', '/' or '?': all up to the last '@' is taken for name and password.
    let (access, place) = rest.rsplit_once('@').map_or((None, rest), |(access, place)| (Some(access), place));
    let masked_access = access.map_or(String::new(), |access| {
        let slashes = if access.starts_with("//") { "//" } else { "" };
        let user = access[slashes.len()..].split(':').next().unwrap_or("");
        let has_password = access[slashes.len()..].contains(':');
        format!("{slashes}{user}{}@", if has_password { ":***" } else { "" })
    });
    let (place, query) = place.split_once('?').map_or((place, None), |(place, query)| (place, Some(query)));
    let query = query.map_or(String::new(), |query| {
        let parts: Vec<String> = query.split('&').map(masked_parameter).collect();
        format!("?{}", parts.join("&"))
    });
    format!("{scheme}:{masked_access}{place}{query}")
}

fn masked_parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, _)) if name.to_lowercase().contains("pass") => format!("{name}=***"),
        _ => parameter.to_owned(),
    }
}

/// Quoted if a shell would take it for more than a word.
fn shell_word(text: &str) -> String {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/:@%._-=+,".contains(&byte));
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// Undoes percent signs, as the database's driver does.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok()).map(|two| u8::from_str_radix(two, 16));
        match (first, code) {
            (b'%', Some(Ok(byte))) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(url: &str, from: &str) -> DatabaseUrl {
        DatabaseUrl::new(Some(Given { key: "database", value: url.to_owned(), from: from.to_owned() }))
    }

    #[test]
    fn a_flag_is_shown_as_a_shell_takes_it_and_never_with_a_password() {
        for (url, flag) in [
            ("sqlite:///var/lib/m%20n.db", "--database sqlite:///var/lib/m%20n.db"),
            ("sqlite://it's.db", "--database 'sqlite://it'\\''s.db'"),
            ("mysql://root:secret@db:3306/app", "--database 'mysql://root:***@db:3306/app'"),
            ("postgres://db/app?user=me&password=secret", "--database 'postgres://db/app?user=me&password=***'"),
        ] {
            assert_eq!(given(url, "--database").flag().as_deref(), Some(flag));
            assert_eq!(given(url, "MISSION_DATABASE").flag(), None);
        }
    }

    #[test]
    fn passwords_are_masked_wherever_they_stand() {
        for (url, shown) in [
            ("mysql://root:secret@db:3306/app", "mysql://root:***@db:3306/app"),
            ("postgres://me:p@ss/w?rd@db/app", "postgres://me:***@db/app"),
            ("postgres://db/app?user=me&password=secret", "postgres://db/app?user=me&password=***"),
            ("mysql://me@db/app", "mysql://me@db/app"),
            ("mysql:root:secret@db/app", "mysql:root:***@db/app"),
            ("oracle://root:secret@db/app", "oracle://root:***@db/app"),
            ("sqlite://a@b:c.db", "sqlite://a@b:c.db"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(mask(url), shown);
        }
    }

    #[test]
    fn the_file_of_sqlite_is_found_in_its_url() {
        let file = |url: &str| given(url, "--database").sqlite_file();
        assert_eq!(file("sqlite://mission.db"), Some("mission.db".into()));
        assert_eq!(file("sqlite:///var/lib/a%20b.db?mode=rwc"), Some("/var/lib/a b.db".into()));
        assert_eq!(file("sqlite:mission.db"), Some("mission.db".into()));
        assert_eq!(file("sqlite::memory:"), None);
        assert_eq!(file("mysql://db/app"), None);
    }
}
