-- The workers on the list, with whether their lease still holds, and whether any task waits: one dive into the claim's index.
select id, name, host, process, pid, pid_started, concurrency, types, version, leaving, started_date, seen_date, lease_until,
  {now} as now_us,
  (select count(*)
   from (select id
     from mission_tasks force index (mission_tasks_claim)
     where state = 'init'
     limit 1) waiting) as is_waiting
from mission_workers
order by id
