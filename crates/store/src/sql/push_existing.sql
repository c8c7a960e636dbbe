-- The task that stands in the way of a push: the same one, pushed before, or else one with its key.
select unique_id, 0 as place
from mission_tasks
where unique_id = :unique_id
union all
select unique_id, 1
from mission_tasks
where method = :method
  and active_key = :task_key
order by place
limit 1
