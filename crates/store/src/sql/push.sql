-- Stores tasks. Where an answer is asked for, those that are there already (same unique_id, or same key while active) are left out; else one
-- of them refuses all.
-- They get their numbers in the order of the batch, since both databases read it as it stands. Dates are given because SQLite asks the clock
-- anew for each row that leaves them to their defaults.
-- Whether their creators take turns is asked of the type by its primary key, and only for tasks that have a creator.
insert into mission_tasks
  (unique_id, method, params, type, creator, lane, priority, run_at, task_key, active_key, retries, timeout_ms, stall_timeout_ms,
   keep_files_ms, created_date, modified_date)
select batch.unique_id, batch.method, batch.params, batch.type, batch.creator,
  case when batch.fair_lane is null then 0
    else coalesce((
      select batch.fair_lane
      from mission_types rule
      where rule.fair = 1 and rule.type = batch.type), 0) end,
  batch.priority,
  coalesce(batch.run_at, {now} + coalesce(batch.wait_us, 0)),
  batch.task_key, batch.task_key, batch.retries, batch.timeout_ms, batch.stall_timeout_ms, batch.keep_files_ms,
  {now}, {now}
from {batch: unique_id text, params text | method text, type text, creator text, fair_lane int, priority int, run_at int, wait_us int, task_key text, retries int, timeout_ms int, stall_timeout_ms int, keep_files_ms int}
where true
{if answer: on conflict do nothing}
{if answer: returning unique_id}
