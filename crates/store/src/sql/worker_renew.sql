-- Renews a worker's lease; hits nothing once it was taken off the list.
update mission_workers
set lease_until = {now} + :lease_us,
    seen_date = {now}
where id = :worker_id
  and lease_until > 0
