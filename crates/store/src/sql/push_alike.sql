-- The task with this id if it is the one that is pushed, and not another.
select unique_id
from mission_tasks
where unique_id = :unique_id
  and method = :method
  and type = :type
  and coalesce(params, '') = coalesce(:params, '')
  and coalesce(creator, '') = coalesce(:creator, '')
  and coalesce(task_key, '') = coalesce(:task_key, '')
