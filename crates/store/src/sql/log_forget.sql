-- Removes the lines of a task's attempts of long ago.
delete from mission_logs
where task_id = :task_id
  and line_no < :line_no
