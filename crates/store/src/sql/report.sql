-- Writes how far running tasks have come, each under its lease token. What a report leaves out stays; an empty
-- checkpoint takes away the one that is stored, any other forgets the crashes before it. No index holds what is written.
update mission_tasks
set progress_done = case when batch.done is null then mission_tasks.progress_done else batch.done end,
    progress_total = case when batch.done is null then mission_tasks.progress_total else batch.total end,
    progress_message = case when batch.done is null then mission_tasks.progress_message else batch.message end,
    checkpoint = case when batch.checkpoint is null then mission_tasks.checkpoint else nullif(batch.checkpoint, '') end,
    checkpoint_done = case when batch.checkpoint is null then mission_tasks.checkpoint_done else batch.checkpoint_done end,
    checkpoint_files = case when batch.checkpoint is null then mission_tasks.checkpoint_files else batch.checkpoint_files end,
    crashes = case when batch.checkpoint <> '' then 0 else mission_tasks.crashes end,
    resumed = batch.resumed,
    redone = batch.redone,
    active_ms = batch.active_ms
from {batch: id int, lease_token int, done int, total int, message text, checkpoint text, checkpoint_done int, checkpoint_files text, resumed int, redone int, active_ms int}
where mission_tasks.id = batch.id
  and mission_tasks.lease_token = batch.lease_token
  and mission_tasks.state = 'executing'
