-- Tasks, newest first, before a given row: first their ids, by an index alone where a state was asked for, then their rows.
-- A filter stands there only where it was asked for; left alone, MariaDB walks the whole table for the few that run.
select id, unique_id, method, type, state, params, content, content_cut, reason, creator, priority, task_key, run_at,
  progress_done, progress_total, progress_message, attempt, failures, crashes, retries, timeout_ms, stall_timeout_ms,
  keep_files_ms, checkpoint, checkpoint_done, checkpoint_files, resumed, redone, active_ms,
  cancel_requested, worker_id, lease_token, created_date, modified_date
from (
  select id as picked
  from mission_tasks
  {if by_state: force index (mission_tasks_claim)}
  where id < :before
  {if init: and state = 'init'}
  {if executing: and state = 'executing'}
  {if success: and state = 'success'}
  {if fail: and state = 'fail'}
  {if cancelled: and state = 'cancelled'}
  {if method: and method = :method}
  {if type: and type = :type}
  {if creator: and creator = :creator}
  {if since: and created_date >= :since}
  order by id desc
  limit :limit) page
straight_join mission_tasks on id = picked
order by id desc
