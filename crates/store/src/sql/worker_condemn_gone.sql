-- Ends the lease of a worker whose process is known to be gone, whatever time it had left.
update mission_workers
set lease_until = 0
where id = :worker_id
