-- Workers that hold tasks but are not on the list: they claimed after they had been taken off it.
select distinct task.worker_id
from mission_tasks task force index (mission_tasks_claim)
left join mission_workers worker on worker.id = task.worker_id
where task.state = 'executing'
  and worker.id is null
