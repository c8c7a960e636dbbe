-- What a push has just stored as begun, as far as it does not know it: MySQL cannot return what an insert writes.
select id, unique_id, params, creator, run_at, attempt, lease_token, created_date, modified_date
from mission_tasks
where unique_id = :unique_id and state = 'executing' and worker_id = :worker_id and lease_token = 1
