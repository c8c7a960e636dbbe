-- Removes what is kept of the logs of tasks that are gone. A join told which index to use, because MariaDB reads the
-- whole table of tasks for "not exists", and waits for any row that somebody has locked.
delete kept
from {batch: id int}
straight_join mission_logs kept force index (primary) on kept.task_id = batch.id
left join mission_tasks task force index (primary) on task.id = batch.id
where task.id is null
