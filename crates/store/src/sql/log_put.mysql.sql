-- Stores lines of running attempts, each under its lease token; one that is there already stays.
insert into mission_logs (task_id, line_no, logged_date, level, message)
select task.id, batch.line_no, {now} - batch.age_us, batch.level, batch.message
from {batch: id int, lease_token int, line_no int, age_us int, level text, message text}
straight_join mission_tasks task force index (primary) on task.id = batch.id
where task.lease_token = batch.lease_token
on duplicate key update
  level = mission_logs.level
