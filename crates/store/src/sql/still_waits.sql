-- Whether a task waits.
select state
from mission_tasks
where unique_id = :unique_id and state = 'init'
