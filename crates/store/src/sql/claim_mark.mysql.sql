-- Makes picked tasks ours, each by its primary key.
{if table: update {batch: id int}}
{if table: straight_join mission_tasks task force index (primary) on task.id = batch.id}
{if flat: update mission_tasks task force index (primary)}
set task.state = 'executing',
    task.lease_token = task.lease_token + 1,
    task.attempt = task.attempt + 1,
    task.worker_id = :worker_id,
    task.cancel_requested = 0,
    task.progress_done = case when task.checkpoint is null then null else task.progress_done end,
    task.progress_total = case when task.checkpoint is null then null else task.progress_total end,
    task.progress_message = case when task.checkpoint is null then null else task.progress_message end,
    task.active_ms = case when task.checkpoint is null then 0 else task.active_ms end,
    task.content = null,
    task.content_cut = 0,
    task.modified_date = :now_us
{if flat: where task.id in ({batch.ids})}
