-- Removes the row of a result file whose task is gone.
delete from mission_artifacts
where id = :id
  and not exists (
    select 1
    from mission_tasks task
    where task.id = mission_artifacts.task_id)
