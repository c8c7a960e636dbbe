-- Every line that has a waiting task, with the due time of its first and what is set for its type: one dive into the index per line.
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
select line.method, line.type, line.priority, line.lane, line.run_at, {now} as now_us,
  coalesce((select rule.paused from mission_types rule where rule.type = line.type), 0) as paused,
  (select rule.running_limit from mission_types rule where rule.type = line.type) as running_limit
from line
limit :limit
