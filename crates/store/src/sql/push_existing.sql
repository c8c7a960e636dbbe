-- The task that stands in the way of a push: the same one, or one with its key.
select unique_id
from mission_tasks
where unique_id = :unique_id
   or method = :method and active_key = :task_key
order by id
limit 1
