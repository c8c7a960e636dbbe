-- Removes what is kept of the logs of tasks that are gone.
delete from mission_logs
where task_id in (select batch.id from {batch: id int})
  and not exists (
    select 1
    from mission_tasks task
    where task.id = mission_logs.task_id)
