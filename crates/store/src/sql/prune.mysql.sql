-- Removes ended tasks, each by its primary key. Told to use it, because MariaDB prefers a scan of a small table, which
-- waits for any row that somebody has locked.
delete task
from {batch: id int}
straight_join mission_tasks task force index (primary) on task.id = batch.id
where task.state in ('success', 'fail', 'cancelled')
