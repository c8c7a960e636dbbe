-- How running tasks stand: whether they are still ours, and whether someone asked to cancel them.
select task.id, task.lease_token, task.state, task.cancel_requested
from {batch: id int}
join mission_tasks task on task.id = batch.id
