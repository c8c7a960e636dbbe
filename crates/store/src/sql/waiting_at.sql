-- The due task that waits at a place of one line, counted from its head.
select unique_id
from mission_tasks
where state = 'init'
  and method = :method and type = :type and priority = :priority and lane = :lane
  and run_at between :head and {now}
order by run_at, id
limit 1 offset :place
