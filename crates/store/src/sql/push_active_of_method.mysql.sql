-- A task of the method that waits or runs, if there is one.
select unique_id
from mission_tasks force index (mission_tasks_claim)
where state in ('init', 'executing')
  and method = :method
limit 1
