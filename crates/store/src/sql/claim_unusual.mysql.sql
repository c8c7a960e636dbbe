-- Picked tasks of which more is to be known than a claim answers: they failed before, have a key, limits of their own, a checkpoint.
select task.id, task.unique_id, task.method, task.type, task.state, task.params, task.content, task.content_cut,
  task.reason, task.creator, task.priority, task.task_key, task.run_at, task.progress_done, task.progress_total,
  task.progress_message, task.attempt, task.failures, task.crashes, task.retries, task.timeout_ms,
  task.stall_timeout_ms, task.keep_files_ms, task.checkpoint, task.checkpoint_done, task.checkpoint_files,
  task.resumed, task.redone, task.active_ms, task.cancel_requested, task.worker_id, task.lease_token,
  task.created_date, task.modified_date
{if table: from {batch: id int}}
{if table: straight_join mission_tasks task force index (primary) on task.id = batch.id}
{if flat: from mission_tasks task force index (primary)}
{if flat: where task.id in ({batch.ids})}
