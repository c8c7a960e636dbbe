-- Claims the first due tasks of one line; the inner select is materialized, because a plain subquery may ignore its limit.
with picked as materialized (
  select id
  from mission_tasks
  where state = 'init'
    and method = :method and type = :type and priority = :priority and lane = :lane
    and run_at between :head and {now}
    and crashes <= :crashes_max
    {if ahead: and not exists (select 1 from mission_types rule where rule.type = :type and (rule.paused <> 0 or rule.running_limit is not null))}
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
    progress_done = case when task.checkpoint is null then null else task.progress_done end,
    progress_total = case when task.checkpoint is null then null else task.progress_total end,
    progress_message = case when task.checkpoint is null then null else task.progress_message end,
    active_ms = case when task.checkpoint is null then 0 else task.active_ms end,
    content = null,
    content_cut = 0,
    modified_date = {now}
from picked
where task.id = picked.id
returning task.id, task.unique_id, task.method, task.type, task.state, task.params, task.content, task.content_cut, 
  task.reason, task.creator, task.priority, task.task_key, task.run_at, task.progress_done, task.progress_total, 
  task.progress_message, task.attempt, task.failures, task.crashes, task.retries, task.timeout_ms, 
  task.stall_timeout_ms, task.keep_files_ms, task.checkpoint, task.checkpoint_done, task.checkpoint_files, task.resumed, task.redone, task.active_ms,
  task.cancel_requested, task.worker_id, task.lease_token, task.created_date, 
  task.modified_date
