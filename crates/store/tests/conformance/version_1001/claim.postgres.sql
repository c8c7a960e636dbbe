-- Claims the first due tasks of one line; the inner select is materialized, because a plain subquery may ignore its limit.
with picked as materialized (
  select id
  from mission_tasks
  where state = 'init'
    and method = :method and type = :type and priority = :priority and lane = :lane
    and run_at between :head and {now}
    and crashes <= :crashes_max
  order by run_at, id
  limit :limit
  for update skip locked
)
update mission_tasks task
set state = 'executing',
    lease_token = task.lease_token + 1,
    attempt = task.attempt + 1,
    worker_id = :worker_id,
    cancel_requested = 0,
    progress_done = null,
    progress_total = null,
    progress_message = null,
    content = null,
    content_cut = 0,
    modified_date = {now}
from picked
where task.id = picked.id
returning task.id, task.unique_id, task.method, task.type, task.state, task.params, task.content, task.content_cut, 
  task.reason, task.creator, task.priority, task.task_key, task.run_at, task.progress_done, task.progress_total, 
  task.progress_message, task.attempt, task.failures, task.crashes, task.retries, task.timeout_ms, 
  task.stall_timeout_ms, task.cancel_requested, task.worker_id, task.lease_token, task.created_date, 
  task.modified_date
