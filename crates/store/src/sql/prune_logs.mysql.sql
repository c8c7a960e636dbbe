-- Removes what is kept of the logs of tasks that are gone.
delete kept
from {batch: id int}
straight_join mission_logs kept on kept.task_id = batch.id
where not exists (
  select 1
  from mission_tasks task
  where task.id = kept.task_id)
