-- The same by a locking read, which sees what was committed a moment ago under REPEATABLE READ, too.
select unique_id
from mission_tasks force index (mission_tasks_claim)
where state in ('init', 'executing')
  and method = :method
limit 1
lock in share mode
