-- The task that stands in the way of a push; a locking read, because a plain one does not see it under REPEATABLE READ.
select unique_id
from mission_tasks
where unique_id = :unique_id
   or method = :method and active_key = :task_key
order by id
limit 1
lock in share mode
