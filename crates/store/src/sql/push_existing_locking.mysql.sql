-- The same by locking reads, which see what was committed a moment ago under REPEATABLE READ, too.
(select unique_id, 0 as place
 from mission_tasks
 where unique_id = :unique_id
 lock in share mode)
union all
(select unique_id, 1
 from mission_tasks
 where method = :method
   and active_key = :task_key
 lock in share mode)
order by place
limit 1
