-- Claims one waiting task by its id, due or not.
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
where unique_id = :unique_id
  and state = 'init'
