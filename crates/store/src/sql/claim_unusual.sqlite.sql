-- Claimed tasks of which more is to be known than a claim answers: they failed before, have a key, limits of their own, a checkpoint.
select id, unique_id, method, type, state, params, content, content_cut, reason, creator, priority, task_key, run_at,
  progress_done, progress_total, progress_message, attempt, failures, crashes, retries, timeout_ms, stall_timeout_ms,
  keep_files_ms, checkpoint, checkpoint_done, checkpoint_files, resumed, redone, active_ms,
  cancel_requested, worker_id, lease_token, created_date, modified_date
from mission_tasks
where id in (select batch.id from {batch: id int})
  and worker_id = :worker_id
