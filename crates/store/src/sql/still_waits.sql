-- Whether a task waits and is due.
select state
from mission_tasks
where unique_id = :unique_id and state = 'init' and run_at <= {now}
