-- Takes a result file of the same name, but another place, off its task: its storage's sweeper finds it without a task.
update mission_artifacts
set task_id = -id
where task_id = :task_id
  and name = :name
  and not (storage = :storage and location = :location)
