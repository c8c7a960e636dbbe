-- Locks picked tasks that still wait, each by its primary key; claim_mark.mysql.sql makes them ours within the same transaction.
-- MySQL locks no rows beside a table function, hence the derived table.
select task.id, task.unique_id, task.params, task.creator, task.run_at, task.attempt, task.lease_token, task.created_date, task.modified_date,
  coalesce(task.reason, task.task_key, task.progress_done, task.retries, task.timeout_ms, task.stall_timeout_ms, task.keep_files_ms,
    task.checkpoint) is null
    and task.failures | task.crashes | task.resumed | task.redone | task.active_ms = 0 as is_usual,
  {now} as now_us
from (select distinct id from {batch: id int}) picked
straight_join mission_tasks task force index (primary) on task.id = picked.id
where task.state = 'init'
  and task.run_at <= {now}
  and task.crashes <= :crashes_max
for update skip locked
