-- Writes how far running tasks have come, each under its lease token, each by its primary key.
update {batch: id int, lease_token int, done int, total int, message text}
straight_join mission_tasks task on task.id = batch.id
set task.progress_done = batch.done,
    task.progress_total = batch.total,
    task.progress_message = batch.message
where task.lease_token = batch.lease_token
  and task.state = 'executing'
