-- Removes a task that does not run.
delete from mission_tasks
where unique_id = :unique_id
  and state <> 'executing'
