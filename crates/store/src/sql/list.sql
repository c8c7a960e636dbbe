-- Tasks, newest first, before a given row. A filter stands there only where it was asked for, and states are literals,
-- so that every index serves. The upper bound of worker_id lets PostgreSQL expect few rows before it was ever analysed;
-- SQLite takes a partial index only where its own condition stands in the statement.
select id, unique_id, method, type, state, params, content, content_cut, reason, creator, priority, task_key, run_at,
  progress_done, progress_total, progress_message, attempt, failures, crashes, retries, timeout_ms, stall_timeout_ms,
  keep_files_ms, checkpoint, checkpoint_done, checkpoint_files, resumed, redone, active_ms,
  cancel_requested, worker_id, lease_token, created_date, modified_date
from mission_tasks
where id < :before
  {if init: and state = 'init'}
  {if executing: and state = 'executing' and worker_id > 0 and worker_id < 9223372036854775807}
  {if success: and state = 'success'}
  {if fail: and state = 'fail' and state in ('fail', 'cancelled')}
  {if cancelled: and state = 'cancelled' and state in ('fail', 'cancelled')}
  {if method: and method = :method}
  {if type: and type = :type}
  {if creator: and creator = :creator}
  {if since: and created_date >= :since}
order by id desc
limit :limit
