-- Cancels a task that waits.
update mission_tasks
set state = 'cancelled',
    reason = 'cancelled',
    content = 'cancelled before it ran',
    content_cut = 0,
    active_key = null,
    modified_date = {now}
where unique_id = :unique_id
  and state = 'init'
