-- How many tasks of a type run now. The upper bound lets PostgreSQL expect few rows before it was ever analysed.
select count(*) as running
from mission_tasks
where worker_id > 0
  and worker_id < 9223372036854775807
  and type = :type
