-- A task of the method that waits or runs, if there is one; in the order of an index, so that PostgreSQL takes it.
select unique_id
from (
  select *
  from (
    select unique_id
    from mission_tasks
    where state = 'init'
      and method = :method
    order by type, priority, lane, run_at, id
    limit 1) waiting
  union all
  select *
  from (
    select unique_id
    from mission_tasks
    where worker_id > 0
      and method = :method
    order by worker_id
    limit 1) running) active
limit 1
