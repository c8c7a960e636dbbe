-- Stores what is kept about attempts that end in this transaction.
insert into mission_attempts
  (task_id, lease_token, attempt, worker_id, worker, started_date, ended_date, outcome, content)
select batch.id, batch.lease_token, batch.attempt, batch.worker_id, batch.worker, {now} - batch.ran_us, {now},
  batch.outcome, batch.content
from {batch: id int, lease_token int, attempt int, worker_id int, worker text, ran_us int, outcome text, content text}
where true
on conflict do nothing
