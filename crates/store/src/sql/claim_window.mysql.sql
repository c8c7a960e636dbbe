-- The first due tasks of one line, unlocked: on a cluster a claim picks a block of them, so that two nodes seldom pick the same.
select id
from mission_tasks force index (mission_tasks_claim)
where state = 'init'
  and method = :method and type = :type and priority = :priority and lane = :lane
  and run_at between :head and {now}
  and crashes <= :crashes_max
order by run_at, id
limit :limit
