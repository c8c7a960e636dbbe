-- Removes the oldest attempts of a task that has had very many.
delete from mission_attempts
where task_id = :task_id
  and lease_token <= :lease_token
