-- Writes what became of running tasks, each under its lease token, each by its primary key. Told to use
-- it, because MariaDB prefers a scan of a small table, which waits for any row that somebody has locked.
-- One that was asked to end while it ran does not wait again: it is cancelled, because its worker may not have heard of that.
-- The wish stays with it, to tell it from one that its worker cancelled, and because MySQL may read here what it has written.
{if table: update {batch: id int, lease_token int, content text | state text, reason text, content_cut int, wait_us int, attempt int, failures int, crashes int}}
{if table: straight_join mission_tasks task force index (primary) on task.id = batch.id}
{if flat: update mission_tasks task force index (primary)}
set task.state = case when {batch.state} = 'init' and task.cancel_requested = 1 then 'cancelled' else {batch.state} end,
    task.reason = case when {batch.state} = 'init' and task.cancel_requested = 1 then 'cancelled' else {batch.reason} end,
    task.content = {batch.content},
    task.content_cut = {batch.content_cut},
    task.run_at = case when {batch.wait_us} is null then task.run_at else {now} + {batch.wait_us} end,
    task.active_key = case when {batch.state} = 'init' and task.cancel_requested = 0 then task.active_key end,
    task.attempt = {batch.attempt},
    task.failures = {batch.failures},
    task.crashes = {batch.crashes},
    task.worker_id = 0,
    task.cancel_requested = case when {batch.state} = 'init' then task.cancel_requested else 0 end,
    task.modified_date = {now}
where task.lease_token = {batch.lease_token}
  {if flat: and task.id in ({batch.ids})}
  and task.state = 'executing'
