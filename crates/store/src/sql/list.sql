-- Tasks, newest first, before a given row; a filter that is null lets everything through.
select id, unique_id, method, type, state, params, content, content_cut, reason, creator, priority, task_key, run_at,
  progress_done, progress_total, progress_message, attempt, failures, crashes, retries, timeout_ms, stall_timeout_ms,
  cancel_requested, worker_id, lease_token, created_date, modified_date
from mission_tasks
where id < :before
  and (:states is null or :states like concat('%', state, '%'))
  and (:method is null or method = :method)
  and (:type is null or type = :type)
  and (:creator is null or creator = :creator)
  and (:since is null or created_date >= :since)
order by id desc
limit :limit
