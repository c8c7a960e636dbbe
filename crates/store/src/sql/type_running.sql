-- How many tasks of a type run now.
select count(*) as running
from mission_tasks
where worker_id > 0
  and type = :type
