-- Every line that has a waiting task, with the due time of its first: one dive into the index per line.
with recursive line as (
  (select method, type, priority, lane, run_at
   from mission_tasks
   where state = 'init'
   order by method, type, priority, lane, run_at
   limit 1)
  union all
  select next.method, next.type, next.priority, next.lane, next.run_at
  from line, lateral (
    select task.method, task.type, task.priority, task.lane, task.run_at
    from mission_tasks task
    where task.state = 'init'
      and (task.method, task.type, task.priority, task.lane) > (line.method, line.type, line.priority, line.lane)
    order by task.method, task.type, task.priority, task.lane, task.run_at
    limit 1) next
)
select method, type, priority, lane, run_at, {now} as now_us
from line
limit :limit
