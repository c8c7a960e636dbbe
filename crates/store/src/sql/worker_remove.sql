-- Takes a worker off the list.
delete from mission_workers
where id = :worker_id
