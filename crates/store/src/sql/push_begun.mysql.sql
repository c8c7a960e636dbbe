-- Stores a task that a worker has begun already, unless one of its line waits from where the last claims ended on, or its type is paused, limited or
-- fair: then nothing.
-- Under READ COMMITTED, as on our connections, the questions lock nothing.
insert into mission_tasks
  (unique_id, method, params, type, creator, priority, run_at, retries, timeout_ms, stall_timeout_ms, keep_files_ms,
   state, worker_id, attempt, lease_token)
select :unique_id, :method, :params, :type, :creator, :priority, {now}, :retries, :timeout_ms, :stall_timeout_ms, :keep_files_ms,
  'executing', :worker_id, 1, 1
from dual
where not exists (
    select 1
    from mission_tasks waiting force index (mission_tasks_claim)
    where waiting.state = 'init'
      and waiting.method = :method and waiting.type = :type and waiting.priority = :priority and waiting.lane = 0
      and waiting.run_at between :head and {now})
  and not exists (
    select 1
    from mission_types rule
    where rule.type = :type and (rule.paused <> 0 or rule.running_limit is not null or rule.fair <> 0))
