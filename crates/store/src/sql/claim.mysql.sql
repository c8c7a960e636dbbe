-- Picks and locks the first due tasks of one line; claim_mark.mysql.sql makes them ours within the same transaction. Answers only what differs in a
-- usual row, because each column costs; the others are read by claim_unusual.mysql.sql.
select id, unique_id, params, creator, run_at, attempt, lease_token, created_date, modified_date,
  coalesce(reason, task_key, progress_done, retries, timeout_ms, stall_timeout_ms, keep_files_ms, checkpoint) is null
    and failures | crashes | resumed | redone | active_ms = 0 as is_usual,
  {now} as now_us
from mission_tasks force index (mission_tasks_claim)
where state = 'init'
  and method = :method and type = :type and priority = :priority and lane = :lane
  and run_at between :head and {now}
  and crashes <= :crashes_max
  {if ahead: and not exists (select 1 from mission_types rule where rule.type = :type and (rule.paused <> 0 or rule.running_limit is not null))}
order by run_at, id
limit :limit
for update skip locked
