-- Removes ended tasks, each by its primary key.
delete task
from {batch: id int}
straight_join mission_tasks task on task.id = batch.id
where task.state in ('success', 'fail', 'cancelled')
