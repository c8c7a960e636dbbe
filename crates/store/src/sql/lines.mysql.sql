-- The first line after a known one, with the due time of its first task: one dive, whatever the statistics say.
-- InnoDB dives only for constants, so the store asks once per line.
select method, type, priority, lane, run_at, {now} as now_us
from mission_tasks force index (mission_tasks_claim)
where state = 'init'
  and (method > :method
    or method = :method and (type > :type
      or type = :type and (priority > :priority
        or priority = :priority and lane > :lane)))
order by method, type, priority, lane, run_at
limit 1
