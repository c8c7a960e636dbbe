-- Writes what became of running tasks, each under its lease token. One that was asked to end
-- while it ran does not wait again: it is cancelled, because its worker may not have heard of that. The wish stays with it, to
-- tell it from one that its worker cancelled.
update mission_tasks
set state = case when batch.state = 'init' and mission_tasks.cancel_requested = 1 then 'cancelled' else batch.state end,
    reason = case when batch.state = 'init' and mission_tasks.cancel_requested = 1 then 'cancelled' else batch.reason end,
    content = batch.content,
    content_cut = batch.content_cut,
    run_at = case when batch.wait_us is null then mission_tasks.run_at else {now} + batch.wait_us end,
    active_key = case when batch.state = 'init' and mission_tasks.cancel_requested = 0 then mission_tasks.active_key end,
    attempt = batch.attempt,
    failures = batch.failures,
    crashes = batch.crashes,
    worker_id = 0,
    cancel_requested = case when batch.state = 'init' then mission_tasks.cancel_requested else 0 end,
    modified_date = {now}
from {batch: id int, lease_token int, content text | state text, reason text, content_cut int, wait_us int, attempt int, failures int, crashes int}
where mission_tasks.id = batch.id
  and mission_tasks.lease_token = batch.lease_token
  and mission_tasks.state = 'executing'
{if answer: returning mission_tasks.id, mission_tasks.lease_token, mission_tasks.state, mission_tasks.cancel_requested}
