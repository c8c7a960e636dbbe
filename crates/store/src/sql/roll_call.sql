-- The workers on the list, with whether their lease still holds, and whether any task waits: one dive into the claim's index,
-- whose order is asked for so that no statistics lead elsewhere.
select id, name, host, process, pid, pid_started, concurrency, types, version, leaving, started_date, seen_date, lease_until,
  {now} as now_us,
  (select count(*)
   from (select id
     from mission_tasks
     where state = 'init'
     order by method, type, priority, lane, run_at
     limit 1) waiting) as is_waiting
from mission_workers
order by id
