-- The lines a task logged, behind a known one, in their order.
select line_no, logged_date, level, message
from mission_logs
where task_id = (select id from mission_tasks where unique_id = :unique_id)
  and line_no > :after
order by line_no
limit :limit
