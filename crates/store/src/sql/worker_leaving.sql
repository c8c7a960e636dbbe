-- Says that a worker claims nothing any more, so that nobody counts on it.
update mission_workers
set leaving = :leaving
where id = :worker_id
