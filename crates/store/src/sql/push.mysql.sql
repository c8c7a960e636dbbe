-- Stores tasks; a unique index refuses one that is there already. Whether their creators take turns is asked of an index that has
-- all of the answer, and only for tasks that have a creator. Under READ COMMITTED, as on our connections, that locks nothing. In a
-- caller's transaction under REPEATABLE READ it locks the entry of the type, or the gap where it would be, until he commits: that
-- holds up who makes a type fair, or sets the first rule of a type, and neither other pushes nor claims, which lock the row alone.
insert into mission_tasks
  (unique_id, method, params, type, creator, lane, priority, run_at, task_key, active_key, retries, timeout_ms, stall_timeout_ms,
   keep_files_ms)
select {batch.unique_id}, {batch.method}, {batch.params}, {batch.type}, {batch.creator},
  case when {batch.fair_lane} is null then 0
    else coalesce((
      select {batch.fair_lane}
      from mission_types rule force index (mission_types_fair)
      where rule.fair = 1 and rule.type = {batch.type}), 0) end,
  {batch.priority},
  coalesce({batch.run_at}, {now} + coalesce({batch.wait_us}, 0)),
  {batch.task_key}, {batch.task_key}, {batch.retries}, {batch.timeout_ms}, {batch.stall_timeout_ms}, {batch.keep_files_ms}
{if table: from {batch: unique_id text, params text | method text, type text, creator text, fair_lane int, priority int, run_at int, wait_us int, task_key text, retries int, timeout_ms int, stall_timeout_ms int, keep_files_ms int}}
