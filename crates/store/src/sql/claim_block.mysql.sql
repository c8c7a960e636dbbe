-- Locks picked tasks that still wait, each by its primary key; claim_mark.mysql.sql makes them ours within the same transaction.
-- MySQL locks no rows beside a table function, hence the derived table.
select task.id, task.unique_id, task.method, task.type, task.state, task.params, task.content, task.content_cut,
  task.reason, task.creator, task.priority, task.task_key, task.run_at, task.progress_done, task.progress_total,
  task.progress_message, task.attempt, task.failures, task.crashes, task.retries, task.timeout_ms,
  task.stall_timeout_ms, task.keep_files_ms, task.checkpoint, task.checkpoint_done, task.checkpoint_files,
  task.resumed, task.redone, task.active_ms, task.cancel_requested, task.worker_id, task.lease_token,
  task.created_date, task.modified_date,
  {now} as now_us
from (select distinct id from {batch: id int}) picked
straight_join mission_tasks task force index (primary) on task.id = picked.id
where task.state = 'init'
  and task.run_at <= {now}
  and task.crashes <= :crashes_max
for update skip locked
