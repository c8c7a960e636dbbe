//! Crates depend only downward: each stands on a floor, and looks only at floors below.

use super::{Complaint, Tree};

/// A crate of the workspace, and what it may look at.
struct Place {
    name: &'static str,
    floor: u8,
    /// The lowest floor it may depend on, besides what is open to all: the outer crates use the engine only.
    lowest: u8,
}

const PLACES: [Place; 10] = [
    Place { name: "mission-core", floor: 1, lowest: 1 },
    Place { name: "mission-macros", floor: 2, lowest: 1 },
    Place { name: "mission-store", floor: 2, lowest: 1 },
    Place { name: "mission-files", floor: 2, lowest: 1 },
    Place { name: "mission-worker", floor: 3, lowest: 1 },
    Place { name: "mission-engine", floor: 4, lowest: 1 },
    Place { name: "mission-bench", floor: 5, lowest: 4 },
    Place { name: "mission-server", floor: 5, lowest: 4 },
    Place { name: "mission-cli", floor: 6, lowest: 4 },
    Place { name: "mission", floor: 7, lowest: 1 },
];

/// The rules and the attribute belong to everybody's vocabulary.
const OPEN_TO_ALL: [&str; 2] = ["mission-core", "mission-macros"];

const KIT: &str = "mission-testkit";
/// Beneath the kit: servers only, without a driver, so that the test command can use them, too.
const SERVERS: &str = "mission-servers";

/// Judges Mission from outside, so it shares nothing with it.
const VERIFIER: &str = "mission-verifier";

/// Drives Mission as a user would, by the one crate that users add.
const CHAOS: (&str, [&str; 3]) = ("mission-chaos", ["mission", KIT, VERIFIER]);

pub(super) fn crates_depend_downward(tree: &Tree) -> Vec<Complaint> {
    let manifests = tree
        .with_ending("/Cargo.toml")
        .filter(|file| file.path.starts_with("crates/") || file.path.starts_with("chaos/"));
    manifests.flat_map(|manifest| check(&manifest.path, &manifest.text)).collect()
}

fn check(path: &str, manifest: &str) -> Vec<Complaint> {
    let Some(name) = package_name(manifest) else {
        return vec![Complaint::file(path, "the manifest names no package")];
    };
    if name == VERIFIER || name == CHAOS.0 {
        return check_outsider(path, name, manifest);
    }
    let from = place(name);
    if from.is_none() && name != KIT && name != SERVERS {
        return vec![Complaint::file(path, format!("{name} has no floor: give it one in xtask's tidy/direction.rs"))];
    }
    let complaint = |(line, section, on): (usize, &str, &str)| {
        let for_tests = section.contains("dev-dependencies");
        let message = match (from, place(on)) {
            _ if on == KIT && for_tests && name != SERVERS => return None,
            (None, _) if on == SERVERS && name == KIT => return None,
            _ if on == SERVERS => format!("{SERVERS} is reached through {KIT}"),
            _ if on == KIT => format!("{KIT} is for tests: make it a dev-dependency"),
            (None, _) => format!("{name} knows no other crate of ours: tests of all floors stand on it"),
            (Some(_), None) => format!("{on} is no crate of ours"),
            (Some(from), Some(on)) if on.floor >= from.floor => {
                format!("{} (floor {}) may not depend on {} (floor {})", from.name, from.floor, on.name, on.floor)
            }
            (Some(from), Some(on)) if on.floor < from.lowest && !OPEN_TO_ALL.contains(&on.name) && !for_tests => {
                format!("{} uses the engine's public API only, not {}", from.name, on.name)
            }
            _ => return None,
        };
        Some(Complaint::line(path, line, message))
    };
    our_dependencies(manifest).into_iter().filter_map(complaint).collect()
}

/// The judge and the chaos stand beside the house.
fn check_outsider(path: &str, name: &str, manifest: &str) -> Vec<Complaint> {
    let lawful: &[&str] = if name == VERIFIER { &[] } else { &CHAOS.1 };
    let others = our_dependencies(manifest).into_iter().filter(|(_, _, on)| !lawful.contains(on));
    others
        .map(|(line, _, on)| Complaint::line(path, line, format!("{name} stands outside and may not depend on {on}")))
        .collect()
}

fn place(name: &str) -> Option<&'static Place> {
    PLACES.iter().find(|place| place.name == name)
}

fn package_name(manifest: &str) -> Option<&str> {
    manifest.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
}

/// Line, section and name of each dependency on a crate of the workspace.
fn our_dependencies(manifest: &str) -> Vec<(usize, &str, &str)> {
    let mut section = "";
    let mut found = Vec::new();
    for (index, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']');
            // `[dependencies.mission-core]` names its dependency in the header.
            if let Some((_, name)) = section.split_once("dependencies.") {
                found.push((index + 1, section, name));
            }
            continue;
        }
        if section.ends_with("dependencies") {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            found.push((index + 1, section, name));
        }
    }
    found.retain(|(_, _, name)| *name == "mission" || name.starts_with("mission-"));
    found
}

#[cfg(test)]
mod tests {
    use super::check;

    fn complaints(name: &str, rest: &str) -> Vec<String> {
        let manifest = format!("[package]\nname = \"{name}\"\n{rest}\n");
        check("crates/x/Cargo.toml", &manifest).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_arrow_up_is_named() {
        let found = complaints("mission-store", "[dependencies]\nmission-worker.workspace = true");
        assert_eq!(
            found,
            ["crates/x/Cargo.toml:4: mission-store (floor 2) may not depend on mission-worker (floor 3)"]
        );
        assert_eq!(complaints("mission-store", "[dependencies.mission-macros]\npath = \"x\"").len(), 1);
        assert_eq!(complaints("mission-core", "[dev-dependencies]\nmission = { path = \"x\" }").len(), 1);
    }

    #[test]
    fn an_arrow_down_is_lawful() {
        assert!(complaints("mission-engine", "[dependencies]\nmission-store.workspace = true").is_empty());
        assert!(complaints("mission-store", "[dev-dependencies]\nmission-testkit.workspace = true").is_empty());
    }

    #[test]
    fn the_outer_crates_do_not_look_below_the_engine() {
        assert_eq!(complaints("mission-cli", "[dependencies]\nmission-store.workspace = true").len(), 1);
        assert!(complaints("mission-cli", "[dependencies]\nmission-core.workspace = true").is_empty());
    }

    #[test]
    fn the_kit_stays_in_tests_and_knows_nobody() {
        assert_eq!(complaints("mission-store", "[dependencies]\nmission-testkit.workspace = true").len(), 1);
        assert_eq!(complaints("mission-testkit", "[dependencies]\nmission-core.workspace = true").len(), 1);
        assert!(complaints("mission-testkit", "[dependencies]\nmission-servers.workspace = true").is_empty());
        assert_eq!(complaints("mission-servers", "[dependencies]\nmission-core.workspace = true").len(), 1);
        assert_eq!(complaints("mission-worker", "[dev-dependencies]\nmission-servers.workspace = true").len(), 1);
    }

    #[test]
    fn the_judge_shares_nothing_with_the_judged() {
        assert_eq!(complaints("mission-verifier", "[dependencies]\nmission-core.workspace = true").len(), 1);
        assert_eq!(complaints("mission-verifier", "[dev-dependencies]\nmission-testkit.workspace = true").len(), 1);
        assert_eq!(complaints("mission-chaos", "[dependencies]\nmission-store.workspace = true").len(), 1);
        assert!(complaints("mission-chaos", "[dependencies]\nmission.workspace = true").is_empty());
    }

    #[test]
    fn a_crate_without_a_floor_is_named() {
        assert_eq!(complaints("mission-new", "").len(), 1);
    }
}
