-- Removes what is kept of the logs of tasks that are gone. Written so that no plan walks a table: an array is looked up
-- in the index, and so is each task.
delete from mission_logs
where task_id = any (array(select batch.id from {batch: id int}))
  and (select count(*) from mission_tasks task where task.id = mission_logs.task_id) = 0
