//! Many outcomes in one transaction and one way to an SQLite file: it is counted how many were written, and only where not all were, their rows
//! are read.

use std::collections::HashSet;

use mission_core::{Error, ErrorKind, Settlement};

use crate::Store;
use crate::batch::Part;
use crate::claim::unread;
use crate::db::Statement;
use crate::reports::watch_text;
use crate::settle::{End, Verdict, end_of, settle_text, verdicts};

/// The rows that stand are read before anybody else writes; none where all were hit.
static COUNTED: Statement = Statement::new(
    "settle_counted",
    concat!(
        "begin immediate;\n",
        settle_text!(),
        ";\nselect changes() as hit;\n",
        watch_text!(),
        "limit case when changes() = :count then 0 else -1 end;\ncommit"
    ),
);

impl Store {
    /// Writes outcomes that bring nothing, each under its lease token.
    pub(crate) async fn settle_counted(&self, batch: &Part, group: &[&Settlement]) -> Result<Vec<Verdict>, Error> {
        let count = i64::try_from(group.len()).unwrap_or(i64::MAX);
        let values = [&batch.values()[..], &[("count", count.into())]].concat();
        let rows = self.db.writer().await?.rows_at_once(&COUNTED, &values, false).await?;
        // It is committed: whoever does not know what was may ask again.
        let (counted, standing) =
            rows.split_first().ok_or_else(|| unread(Error::new(ErrorKind::Database, "no count")))?;
        if counted.int("hit").map_err(unread)? == count {
            return Ok(vec![Verdict::Settled; group.len()]);
        }
        let standing: HashSet<End> = standing.iter().map(end_of).collect::<Result<_, _>>().map_err(unread)?;
        Ok(verdicts(group, |end| standing.contains(end)))
    }
}
