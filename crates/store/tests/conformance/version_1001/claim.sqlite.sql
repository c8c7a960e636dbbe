-- Claims the first due tasks of one line: equality on the line, a range of due times, the index's own order.
update mission_tasks
set state = 'executing',
    lease_token = lease_token + 1,
    attempt = attempt + 1,
    worker_id = :worker_id,
    cancel_requested = 0,
    progress_done = null,
    progress_total = null,
    progress_message = null,
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
  order by run_at, id
  limit :limit)
returning id, unique_id, method, type, state, params, content, content_cut, reason, creator, priority, task_key, run_at,
  progress_done, progress_total, progress_message, attempt, failures, crashes, retries, timeout_ms, stall_timeout_ms,
  cancel_requested, worker_id, lease_token, created_date, modified_date
