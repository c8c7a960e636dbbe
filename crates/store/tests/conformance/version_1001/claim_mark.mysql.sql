-- Makes picked tasks ours, each by its primary key.
update {batch: id int}
straight_join mission_tasks task on task.id = batch.id
set task.state = 'executing',
    task.lease_token = task.lease_token + 1,
    task.attempt = task.attempt + 1,
    task.worker_id = :worker_id,
    task.cancel_requested = 0,
    task.progress_done = null,
    task.progress_total = null,
    task.progress_message = null,
    task.content = null,
    task.content_cut = 0,
    task.modified_date = :now_us
