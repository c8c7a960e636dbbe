-- How many tasks of a type run now.
select count(*) as running
from mission_tasks force index (mission_tasks_claim)
where state = 'executing'
  and type = :type
