-- Ends the lease of a worker whose time is over, so that it cannot renew it any more.
update mission_workers
set lease_until = 0
where id = :worker_id
  and lease_until <= {now}
