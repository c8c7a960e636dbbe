-- Lets an ended task run again as if it had just been pushed; its attempts go on counting.
update mission_tasks
set state = 'init',
    run_at = {now},
    reason = null,
    content = null,
    content_cut = 0,
    failures = 0,
    crashes = 0,
    cancel_requested = 0,
    progress_done = null,
    progress_total = null,
    progress_message = null,
    checkpoint = null,
    checkpoint_done = null,
    checkpoint_files = null,
    resumed = 0,
    redone = 0,
    active_ms = 0,
    active_key = task_key,
    modified_date = {now}
where unique_id = :unique_id
  and state in ('success', 'fail', 'cancelled')
