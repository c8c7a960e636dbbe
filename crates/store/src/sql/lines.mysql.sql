-- The first waiting tasks behind a known line, in the index's order, each with its line, its due time and what is set for its type:
-- one dive, since what is set is asked for in the answer alone (MySQL reads the index through if stored statistics say that the table is empty and
-- are not made anew). InnoDB dives only for constants: so the store asks behind each long line, all that it knows of at once.
select cast(:dive as signed) as dive, task.method, task.type, task.priority, task.lane, task.run_at, {now} as now_us,
  coalesce((select paused from mission_types rule where rule.type = task.type), 0) as paused,
  (select running_limit from mission_types rule where rule.type = task.type) as running_limit
from mission_tasks task force index (mission_tasks_claim)
where task.state = 'init'
  and (task.method > :method
    or task.method = :method and (task.type > :type
      or task.type = :type and (task.priority > :priority
        or task.priority = :priority and task.lane > :lane)))
order by task.method, task.type, task.priority, task.lane, task.run_at
limit :ahead
