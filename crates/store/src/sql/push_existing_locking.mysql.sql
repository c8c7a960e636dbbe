-- The same under REPEATABLE READ: a locking read of the key sees what was committed a moment ago, too. An id is read without a lock: one
-- that is not there would lock the gap where those of the next seconds go, and hold up all who push until the caller commits.
select unique_id, 0 as place
from mission_tasks
where unique_id = :unique_id
union all
(select unique_id, 1
 from mission_tasks
 where active_method = :method
   and active_key = :task_key
 lock in share mode)
order by place
limit 1
