-- Stores tasks; one that is there already (same unique_id, or same key while active) is left out of the answer.
insert into mission_tasks
  (unique_id, method, params, type, creator, priority, run_at, task_key, active_key, retries, timeout_ms, stall_timeout_ms,
   keep_files_ms)
select batch.unique_id, batch.method, batch.params, batch.type, batch.creator, batch.priority,
  coalesce(batch.run_at, {now} + coalesce(batch.wait_us, 0)),
  batch.task_key, batch.task_key, batch.retries, batch.timeout_ms, batch.stall_timeout_ms, batch.keep_files_ms
from {batch: place int, unique_id text, params text | method text, type text, creator text, priority int, run_at int, wait_us int, task_key text, retries int, timeout_ms int, stall_timeout_ms int, keep_files_ms int}
where true
order by batch.place
on conflict do nothing
returning unique_id
