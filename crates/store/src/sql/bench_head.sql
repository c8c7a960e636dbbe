-- When the first waiting task of a line is due, from a time on: what was claimed before leaves dead entries in the index for a while.
select run_at
from mission_tasks
where state = 'init'
  and method = :method and type = 'system' and priority = 0 and lane = 0
  and run_at >= :from_us
order by run_at
limit 1
