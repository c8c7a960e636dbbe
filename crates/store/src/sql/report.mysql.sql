-- Writes how far running tasks have come, each under its lease token, each by its primary key. What a report leaves out
-- stays; an empty checkpoint takes away the one that is stored, any other forgets the crashes before it. A blank
-- equals the empty text here, hence the lengths. Told to use the key, because MariaDB prefers a scan of a small table, which
-- waits for any row that somebody has locked.
{if table: update {batch: id int, lease_token int, done int, total int, message text, checkpoint text, checkpoint_done int, checkpoint_files text, resumed int, redone int, active_ms int}}
{if table: straight_join mission_tasks task force index (primary) on task.id = batch.id}
{if flat: update mission_tasks task force index (primary)}
set task.progress_done = case when {batch.done} is null then task.progress_done else {batch.done} end,
    task.progress_total = case when {batch.done} is null then task.progress_total else {batch.total} end,
    task.progress_message = case when {batch.done} is null then task.progress_message else {batch.message} end,
    task.checkpoint = case when {batch.checkpoint} is null then task.checkpoint when length({batch.checkpoint}) > 0 then {batch.checkpoint} end,
    task.checkpoint_done = case when {batch.checkpoint} is null then task.checkpoint_done else {batch.checkpoint_done} end,
    task.checkpoint_files = case when {batch.checkpoint} is null then task.checkpoint_files else {batch.checkpoint_files} end,
    task.crashes = case when length({batch.checkpoint}) > 0 then 0 else task.crashes end,
    task.resumed = {batch.resumed},
    task.redone = {batch.redone},
    task.active_ms = {batch.active_ms}
where task.lease_token = {batch.lease_token}
  {if flat: and task.id in ({batch.ids})}
  and task.state = 'executing'
