-- A thousand known tasks made somebody's: what the fastest claim could cost.
update mission_tasks
set state = 'executing', lease_token = lease_token + 1, attempt = attempt + 1, worker_id = 1, modified_date = {now}
where id between :first and :last
