-- One task by its public id.
select id, unique_id, method, type, state, params, content, content_cut, reason, creator, priority, task_key, run_at,
  progress_done, progress_total, progress_message, attempt, failures, crashes, retries, timeout_ms, stall_timeout_ms,
  cancel_requested, worker_id, lease_token, created_date, modified_date
from mission_tasks
where unique_id = :unique_id
