-- Workers that hold tasks but are not on the list: they claimed after they had been taken off it.
-- The upper bound lets PostgreSQL expect few rows before it was ever analysed.
select distinct task.worker_id
from mission_tasks task
left join mission_workers worker on worker.id = task.worker_id
where task.worker_id > 0
  and task.worker_id < 9223372036854775807
  and task.state = 'executing'
  and worker.id is null
