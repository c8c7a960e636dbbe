//! Which file system a file is on: SQLite's locks do not hold on those of a network.

use std::path::{Path, PathBuf};

use mission_engine::Finding;

/// File systems of a network, by the names that Linux gives them.
const NETWORK: [&str; 12] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "ceph",
    "fuse.glusterfs",
    "fuse.sshfs",
    "fuse.s3fs",
    "lustre",
    "afs",
];

/// What the file system of a database file means for it; nothing where that cannot be told.
pub(super) fn judge(file: &Path) -> Option<Finding> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let kind = kind_of(&file.canonicalize().ok()?, &mounts)?;
    Some(if NETWORK.contains(&kind) {
        let sentence =
            format!("the file is on {kind}: SQLite's locks do not hold there; put it on a local disk, or use a server");
        Finding::wrong("file system", sentence)
    } else if matches!(kind, "tmpfs" | "ramfs") {
        Finding::note("file system", format!("the file is on {kind}: it goes when the machine restarts"))
    } else {
        Finding::good("file system", format!("{kind}, a local one"))
    })
}

/// The kind of the mount that a path is on: the longest one that holds it, the last of several in one place.
fn kind_of<'m>(path: &Path, mounts: &'m str) -> Option<&'m str> {
    let mount = |line: &'m str| {
        let (before, after) = line.split_once(" - ")?;
        let place = PathBuf::from(unescaped(before.split(' ').nth(4)?));
        path.starts_with(&place).then(|| (place.components().count(), after.split(' ').next()))
    };
    mounts.lines().filter_map(mount).max_by_key(|(depth, _)| *depth).and_then(|(_, kind)| kind)
}

/// Spaces, tabs, line ends and backslashes stand there as octal numbers.
fn unescaped(place: &str) -> String {
    place.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /tmp rw - tmpfs tmpfs rw
24 22 0:40 / /srv/my\\040share rw,relatime - nfs4 host:/share rw
25 22 8:2 / /srv rw shared:2 master:1 - xfs /dev/sdb1 rw
";

    #[test]
    fn the_deepest_mount_that_holds_the_file_counts() {
        for (path, kind) in [
            ("/var/lib/mission.db", "ext4"),
            ("/tmp/mission.db", "tmpfs"),
            ("/tmpfile/mission.db", "ext4"),
            ("/srv/my share/mission.db", "nfs4"),
            ("/srv/other/mission.db", "xfs"),
        ] {
            assert_eq!(kind_of(Path::new(path), MOUNTS), Some(kind), "{path}");
        }
    }
}
