-- Stores a task that a worker has begun already, unless one of its line waits from where the last claims ended on, or its type is paused, limited or
-- fair: then nothing.
insert into mission_tasks
  (unique_id, method, params, type, creator, priority, run_at, retries, timeout_ms, stall_timeout_ms, keep_files_ms,
   created_date, modified_date, state, worker_id, attempt, lease_token)
select :unique_id, cast(:method as text), :params, cast(:type as text), :creator, cast(:priority as bigint), {now}, cast(:retries as bigint), cast(:timeout_ms as bigint),
  cast(:stall_timeout_ms as bigint), cast(:keep_files_ms as bigint),
  {now}, {now}, 'executing', cast(:worker_id as bigint), 1, 1
where not exists (
    select 1
    from mission_tasks
    where state = 'init'
      and method = :method and type = :type and priority = :priority and lane = 0
      and run_at between :head and {now})
  and not exists (
    select 1
    from mission_types rule
    where rule.type = :type and (rule.paused <> 0 or rule.running_limit is not null or rule.fair <> 0))
returning id, unique_id, params, creator, run_at, attempt, lease_token, created_date, modified_date, reason, task_key, retries, timeout_ms,
  stall_timeout_ms, keep_files_ms, progress_done, progress_total, progress_message, checkpoint, checkpoint_done, checkpoint_files, failures,
  crashes, resumed, redone, active_ms,
  case when coalesce(retries, timeout_ms, stall_timeout_ms, keep_files_ms) is null then 1 else 0 end as is_usual
