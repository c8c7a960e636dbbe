-- The newest row.
select coalesce(max(id), 0) as id
from mission_tasks
