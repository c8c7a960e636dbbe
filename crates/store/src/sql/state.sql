-- The state of a task by its public id.
select state
from mission_tasks
where unique_id = :unique_id
