-- Removes what is kept of the attempts of tasks that are gone. Written so that no plan walks a table: an array is looked up
-- in the index, and so is each task.
delete from mission_attempts
where task_id = any (array(select batch.id from {batch: id int}))
  and (select count(*) from mission_tasks task where task.id = mission_attempts.task_id) = 0
