-- The workers on the list, with whether their lease still holds, and with the own one what waits, a text for each line (see `lines`) with
-- its first task's due time at the end.
with recursive line(id, method, type, priority, lane, run_at) as (
  select *
  from (
    select id, method, type, priority, lane, run_at
    from mission_tasks
    where state = 'init'
    order by method, type, priority, lane, run_at, id
    limit 1)
  union all
  select next.id, next.method, next.type, next.priority, next.lane, next.run_at
  from line
  join mission_tasks next on next.id = coalesce(
    (select t.id from mission_tasks t
     where t.state = 'init' and t.method = line.method and t.type = line.type and t.priority = line.priority and t.lane > line.lane
     order by t.lane, t.run_at, t.id limit 1),
    (select t.id from mission_tasks t
     where t.state = 'init' and t.method = line.method and t.type = line.type and t.priority > line.priority
     order by t.priority, t.lane, t.run_at, t.id limit 1),
    (select t.id from mission_tasks t
     where t.state = 'init' and t.method = line.method and t.type > line.type
     order by t.type, t.priority, t.lane, t.run_at, t.id limit 1),
    (select t.id from mission_tasks t
     where t.state = 'init' and t.method > line.method
     order by t.method, t.type, t.priority, t.lane, t.run_at, t.id limit 1))
)
select id, name, host, process, pid, pid_started, concurrency, types, version, leaving, started_date, seen_date, lease_until,
  {now} as now_us,
  case when id = :worker_id then
    (select group_concat(
       known.priority || ' ' || known.lane || ' ' || coalesce(rule.paused, 0) || ' ' || coalesce(rule.running_limit, '-')
         || ' ' || length(known.method) || ' ' || known.method || ' ' || known.type || ' ' || known.run_at,
       '|')
     from (select * from line limit :limit + 0) known
     left join mission_types rule on rule.type = known.type)
  end as waiting
from mission_workers
order by id
