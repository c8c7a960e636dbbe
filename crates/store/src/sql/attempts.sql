-- The attempts of a task, the latest first.
select lease_token, attempt, worker_id, worker, started_date, ended_date, outcome, content
from mission_attempts
where task_id = (select id from mission_tasks where unique_id = :unique_id)
order by lease_token desc
limit :limit
