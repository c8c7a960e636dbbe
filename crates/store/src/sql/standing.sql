-- How tasks stand that have files in the making.
select task.id, task.state, task.lease_token, task.checkpoint_files
from {batch: id int}
join mission_tasks task on task.id = batch.id
