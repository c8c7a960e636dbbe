-- The first waiting tasks behind a known line, in the index's order, each with its line, its due time and what is set for its type:
-- one dive, whatever the statistics say. InnoDB dives only for constants, so the store asks once more behind each long line.
select line.method, line.type, line.priority, line.lane, line.run_at, {now} as now_us,
  coalesce(rule.paused, 0) as paused, rule.running_limit
from (
  select method, type, priority, lane, run_at
  from mission_tasks force index (mission_tasks_claim)
  where state = 'init'
    and (method > :method
      or method = :method and (type > :type
        or type = :type and (priority > :priority
          or priority = :priority and lane > :lane)))
  order by method, type, priority, lane, run_at
  limit :ahead) line
left join mission_types rule on rule.type = line.type
order by line.method, line.type, line.priority, line.lane, line.run_at
