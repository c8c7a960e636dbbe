-- Workers that hold tasks but are not on the list: they claimed after they had been taken off it.
select distinct task.worker_id
from mission_tasks task
left join mission_workers worker on worker.id = task.worker_id
where task.worker_id > 0
  and task.state = 'executing'
  and worker.id is null
