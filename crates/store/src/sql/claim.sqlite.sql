-- Claims the first due tasks of one line: equality on the line, a range of due times, the index's own order. Answers only what
-- differs in a usual row, because each column costs as much as finding the row; the others are read by claim_unusual.sqlite.sql.
update mission_tasks
set state = 'executing',
    lease_token = lease_token + 1,
    attempt = attempt + 1,
    worker_id = :worker_id,
    cancel_requested = 0,
    progress_done = case when checkpoint is null then null else progress_done end,
    progress_total = case when checkpoint is null then null else progress_total end,
    progress_message = case when checkpoint is null then null else progress_message end,
    active_ms = case when checkpoint is null then 0 else active_ms end,
    content = null,
    content_cut = 0,
    modified_date = {now}
where id in (
  select id
  from mission_tasks
  where state = 'init'
    and method = :method and type = :type and priority = :priority and lane = :lane
    and run_at between :head and {now}
    and crashes <= :crashes_max
    {if ahead: and not exists (select 1 from mission_types rule where rule.type = :type and (rule.paused <> 0 or rule.running_limit is not null))}
  order by run_at, id
  limit :limit + 0)
returning id, unique_id, params, creator, run_at, attempt, lease_token, created_date, modified_date,
  coalesce(reason, task_key, progress_done, retries, timeout_ms, stall_timeout_ms, keep_files_ms, checkpoint) is null
    and failures | crashes | resumed | redone | active_ms = 0 as is_usual
