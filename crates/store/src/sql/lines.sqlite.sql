-- Every line that has a waiting task, with the due time of its first and what is set for its type: one dive into the index per line.
-- SQLite uses only the first column of a row comparison, hence one dive per column.
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
select line.method, line.type, line.priority, line.lane, line.run_at, {now} as now_us,
  coalesce(rule.paused, 0) as paused, rule.running_limit
from (select * from line limit :limit + 0) line
left join mission_types rule on rule.type = line.type
