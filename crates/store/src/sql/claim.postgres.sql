-- Claims the first due tasks of one line; the inner select is materialized, because a plain subquery may ignore its limit. Leaves out what all
-- tasks of the line have after it, and tells of what most have not by nulls: each other column is work for the server and for us.
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
returning task.id, task.unique_id, task.params, task.creator, task.run_at, task.attempt, task.lease_token, task.created_date,
  task.modified_date, task.reason, task.task_key, task.retries, task.timeout_ms, task.stall_timeout_ms, task.keep_files_ms,
  task.progress_done, task.progress_total, task.progress_message, task.checkpoint, task.checkpoint_done, task.checkpoint_files,
  nullif(task.failures, 0) as failures, nullif(task.crashes, 0) as crashes, nullif(task.resumed, 0) as resumed,
  nullif(task.redone, 0) as redone, nullif(task.active_ms, 0) as active_ms,
  case when num_nonnulls(task.reason, task.task_key, task.retries, task.timeout_ms, task.stall_timeout_ms, task.keep_files_ms,
    task.progress_done, task.checkpoint) = 0
    and task.failures | task.crashes | task.resumed | task.redone | task.active_ms = 0 then 1 else 0 end as is_usual
