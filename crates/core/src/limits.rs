//! Every limit of Mission in one place, each with its reason.

use std::time::Duration;

/// Longest `params`, in bytes. One mebibyte: a task carries arguments, not files; larger input belongs in a table or a file.
pub const PARAMS_BYTES_MAX: usize = 1 << 20;
/// Longest `content`, in bytes; longer text is cut on a character boundary and flagged.
pub const CONTENT_BYTES_MAX: usize = 1 << 20;
/// Longest name of a method, creator or key, in characters: 191 four-byte characters fit every index of InnoDB.
pub const NAME_CHARS_MAX: usize = 191;
/// Longest type, in characters: it stands in the claim's index beside the method.
pub const TYPE_CHARS_MAX: usize = 64;
/// Longest `unique_id`: room for the `task_…` ids of imported rows.
pub const UNIQUE_ID_CHARS_MAX: usize = 64;
/// Longest message of a progress report, in bytes.
pub const PROGRESS_MESSAGE_BYTES_MAX: usize = 1000;
/// Longest cursor of a checkpoint, in bytes: it is written up to twice a second, and one page of a listing fits many times.
pub const CURSOR_BYTES_MAX: usize = 64 << 10;
/// Deepest nesting of a cursor: what reads it again gives up at 128 levels.
pub const CURSOR_DEPTH_MAX: usize = 120;
/// Most files one task may make: their state goes with each checkpoint.
pub const FILES_MAX: usize = 100;
/// Longest name of a result file, in characters, as file systems have it.
pub const FILE_NAME_CHARS_MAX: usize = 255;
/// Longest media type of a result file, in characters.
pub const MEDIA_TYPE_CHARS_MAX: usize = 127;
/// Most tasks one settlement may push.
pub const FOLLOW_UPS_MAX: usize = 1000;
/// Longest error kept with an attempt, in bytes: room for a chain of causes; the task's content has the whole.
pub const ATTEMPT_CONTENT_BYTES_MAX: usize = 16 << 10;
/// Attempts kept per task: as many as there may be retries.
pub const ATTEMPTS_KEPT: i64 = 1000;
/// Longest line of a task's log, in bytes.
pub const LOG_MESSAGE_BYTES_MAX: usize = 4 << 10;
/// Longest level of a line, in bytes: the column's width.
pub const LOG_LEVEL_BYTES_MAX: usize = 8;
/// Lines one attempt may log: a log is read by people, larger ones belong into a file.
pub const LOG_LINES_MAX: i64 = 1000;
/// Bytes one attempt may log.
pub const LOG_BYTES_MAX: usize = 256 << 10;
/// Attempts whose lines are kept, the present one included.
pub const LOG_ATTEMPTS_KEPT: i64 = 10;
/// Lines of one attempt are numbered within so many; far above [`LOG_LINES_MAX`], and readable in decimal.
pub const LOG_NUMBERS: i64 = 1_000_000;
/// Highest priority; the lowest is its negative. Nineteen levels bound the lines a worker must look at.
pub const PRIORITY_MAX: i64 = 9;
/// Most retries a task may ask for: with backoff up to an hour, a thousand attempts take more than a month.
pub const RETRIES_MAX: i64 = 1000;
/// Longest timeout or delay: a hundred years keeps sums of microseconds far inside an `i64`.
pub const SPAN_MAX: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// First wait before a retry; it doubles with each failure.
pub const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// Longest wait before a retry.
pub const BACKOFF_MAX: Duration = Duration::from_secs(3600);
/// Wait before params that did not decode are tried once more: time for a rolling deploy to bring a worker that knows them.
pub const BAD_PARAMS_WAIT: Duration = Duration::from_secs(30);
/// Deaths as the only suspect after which a task is taken for poison.
pub const SUSPECT_DEATHS_MAX: i64 = 3;

/// How long a database may take to answer a statement before its connection is taken for dead and closed: longer than MySQL
/// and MariaDB wait for a lock by default (50 s), far shorter than TCP waits for a machine that is gone (some 15 min).
pub const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Rows one statement of a batch carries at the most: larger batches gain nothing and hold locks longer.
pub const BATCH_ROWS_MAX: usize = 500;
/// Rows one push statement stores at the most: new rows lock nothing that others wait for.
pub const PUSH_ROWS_MAX: usize = 1000;
/// Bytes one batch carries at the most: a quarter of MariaDB's default `max_allowed_packet` of 16 MiB.
pub const BATCH_BYTES_MAX: usize = 4 << 20;
/// Rows one prune statement deletes at the most: short transactions leave room for claims.
pub const PRUNE_ROWS_MAX: i64 = 1000;
/// Records listed unless told otherwise, as in the original.
pub const RECORDS_DEFAULT: usize = 10;
/// Records one page may hold.
pub const RECORDS_MAX: usize = 10_000;
/// Where counting stops: a dashboard shows "10,000+", never the sum of everything.
pub const COUNT_MAX: i64 = 10_000;
/// Lines (method, type, priority, lane) one refresh reads at the most: far above what a refresh of a second allows anyway.
pub const LINES_MAX: i64 = 100_000;
