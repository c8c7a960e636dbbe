-- Picks and locks the first due tasks of one line; claim_mark.mysql.sql makes them ours within the same transaction.
select id, unique_id, method, type, state, params, content, content_cut, reason, creator, priority, task_key, run_at,
  progress_done, progress_total, progress_message, attempt, failures, crashes, retries, timeout_ms, stall_timeout_ms,
  keep_files_ms, checkpoint, checkpoint_done, checkpoint_files, resumed, redone, active_ms,
  cancel_requested, worker_id, lease_token, created_date, modified_date,
  {now} as now_us
from mission_tasks force index (mission_tasks_claim)
where state = 'init'
  and method = :method and type = :type and priority = :priority and lane = :lane
  and run_at between :head and {now}
  and crashes <= :crashes_max
  {if ahead: and not exists (select 1 from mission_types rule where rule.type = :type and (rule.paused <> 0 or rule.running_limit is not null))}
order by run_at, id
limit :limit
for update skip locked
