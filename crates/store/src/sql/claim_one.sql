-- Claims one waiting task by its id, due or not.
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
where unique_id = :unique_id
  and state = 'init'
