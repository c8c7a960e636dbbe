-- Asks the worker of a running task to end it.
update mission_tasks
set cancel_requested = 1
where unique_id = :unique_id
  and state = 'executing'
