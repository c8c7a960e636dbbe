-- The workers on the list, with whether their lease still holds.
select id, name, host, process, pid, pid_started, concurrency, types, version, leaving, started_date, seen_date, lease_until,
  {now} as now_us
from mission_workers
order by id
