-- Takes a worker's methods off the list.
delete from mission_worker_methods
where worker_id = :worker_id
