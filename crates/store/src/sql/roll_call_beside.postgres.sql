-- The workers on the list, with whether their lease still holds, and with the own one what waits, a text for each line (see `lines`) with
-- its first task's due time at the end.
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
select id, name, host, process, pid, pid_started, concurrency, types, version, leaving, started_date, seen_date, lease_until,
  {now} as now_us,
  case when id = :worker_id then
    (select string_agg(
       concat_ws(' ', known.priority, known.lane, coalesce(rule.paused, 0), coalesce(rule.running_limit::text, '-'),
         char_length(known.method), known.method, known.type, known.run_at),
       '|')
     from (select * from line limit :limit) known
     left join mission_types rule on rule.type = known.type)
  end as waiting
from mission_workers
order by id
