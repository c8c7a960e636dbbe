-- Writes how far running tasks have come, each under its lease token.
update mission_tasks
set progress_done = batch.done,
    progress_total = batch.total,
    progress_message = batch.message
from {batch: id int, lease_token int, done int, total int, message text}
where mission_tasks.id = batch.id
  and mission_tasks.lease_token = batch.lease_token
  and mission_tasks.state = 'executing'
