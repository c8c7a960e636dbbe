-- Ends the time of a task's result files: it is to run again.
update mission_artifacts
set expires_date = {now}
where task_id = (select id from mission_tasks where unique_id = :unique_id)
  and expired = 0
  and (expires_date is null or expires_date > {now})
