-- The workers on the list, with whether their lease still holds, and with the own one what waits, a text for each line with its
-- first task's due time at the end. InnoDB dives only for constants, so each dive has its own: the first waiting task of all, then that
-- behind each known line.
select id, name, host, process, pid, pid_started, concurrency, types, version, leaving, started_date, seen_date, lease_until,
  {now} as now_us,
  case when id = :worker_id then concat_ws('|',
    (select concat_ws(' ', task.priority, task.lane, coalesce(rule.paused, 0), coalesce(rule.running_limit, '-'),
       char_length(task.method), task.method, task.type, task.run_at)
     from (select method, type, priority, lane, run_at
       from mission_tasks force index (mission_tasks_claim)
       where state = 'init'
       order by method, type, priority, lane, run_at
       limit 1) task
     left join mission_types rule on rule.type = task.type),
    (select concat_ws(' ', task.priority, task.lane, coalesce(rule.paused, 0), coalesce(rule.running_limit, '-'),
       char_length(task.method), task.method, task.type, task.run_at)
     from (select method, type, priority, lane, run_at
       from mission_tasks force index (mission_tasks_claim)
       where state = 'init'
         and (method > :method_1 or method = :method_1 and (type > :type_1 or type = :type_1
           and (priority > :priority_1 or priority = :priority_1 and lane > :lane_1)))
       order by method, type, priority, lane, run_at
       limit 1) task
     left join mission_types rule on rule.type = task.type),
    (select concat_ws(' ', task.priority, task.lane, coalesce(rule.paused, 0), coalesce(rule.running_limit, '-'),
       char_length(task.method), task.method, task.type, task.run_at)
     from (select method, type, priority, lane, run_at
       from mission_tasks force index (mission_tasks_claim)
       where state = 'init'
         and (method > :method_2 or method = :method_2 and (type > :type_2 or type = :type_2
           and (priority > :priority_2 or priority = :priority_2 and lane > :lane_2)))
       order by method, type, priority, lane, run_at
       limit 1) task
     left join mission_types rule on rule.type = task.type),
    (select concat_ws(' ', task.priority, task.lane, coalesce(rule.paused, 0), coalesce(rule.running_limit, '-'),
       char_length(task.method), task.method, task.type, task.run_at)
     from (select method, type, priority, lane, run_at
       from mission_tasks force index (mission_tasks_claim)
       where state = 'init'
         and (method > :method_3 or method = :method_3 and (type > :type_3 or type = :type_3
           and (priority > :priority_3 or priority = :priority_3 and lane > :lane_3)))
       order by method, type, priority, lane, run_at
       limit 1) task
     left join mission_types rule on rule.type = task.type),
    (select concat_ws(' ', task.priority, task.lane, coalesce(rule.paused, 0), coalesce(rule.running_limit, '-'),
       char_length(task.method), task.method, task.type, task.run_at)
     from (select method, type, priority, lane, run_at
       from mission_tasks force index (mission_tasks_claim)
       where state = 'init'
         and (method > :method_4 or method = :method_4 and (type > :type_4 or type = :type_4
           and (priority > :priority_4 or priority = :priority_4 and lane > :lane_4)))
       order by method, type, priority, lane, run_at
       limit 1) task
     left join mission_types rule on rule.type = task.type),
    (select concat_ws(' ', task.priority, task.lane, coalesce(rule.paused, 0), coalesce(rule.running_limit, '-'),
       char_length(task.method), task.method, task.type, task.run_at)
     from (select method, type, priority, lane, run_at
       from mission_tasks force index (mission_tasks_claim)
       where state = 'init'
         and (method > :method_5 or method = :method_5 and (type > :type_5 or type = :type_5
           and (priority > :priority_5 or priority = :priority_5 and lane > :lane_5)))
       order by method, type, priority, lane, run_at
       limit 1) task
     left join mission_types rule on rule.type = task.type),
    (select concat_ws(' ', task.priority, task.lane, coalesce(rule.paused, 0), coalesce(rule.running_limit, '-'),
       char_length(task.method), task.method, task.type, task.run_at)
     from (select method, type, priority, lane, run_at
       from mission_tasks force index (mission_tasks_claim)
       where state = 'init'
         and (method > :method_6 or method = :method_6 and (type > :type_6 or type = :type_6
           and (priority > :priority_6 or priority = :priority_6 and lane > :lane_6)))
       order by method, type, priority, lane, run_at
       limit 1) task
     left join mission_types rule on rule.type = task.type),
    (select concat_ws(' ', task.priority, task.lane, coalesce(rule.paused, 0), coalesce(rule.running_limit, '-'),
       char_length(task.method), task.method, task.type, task.run_at)
     from (select method, type, priority, lane, run_at
       from mission_tasks force index (mission_tasks_claim)
       where state = 'init'
         and (method > :method_7 or method = :method_7 and (type > :type_7 or type = :type_7
           and (priority > :priority_7 or priority = :priority_7 and lane > :lane_7)))
       order by method, type, priority, lane, run_at
       limit 1) task
     left join mission_types rule on rule.type = task.type),
    (select concat_ws(' ', task.priority, task.lane, coalesce(rule.paused, 0), coalesce(rule.running_limit, '-'),
       char_length(task.method), task.method, task.type, task.run_at)
     from (select method, type, priority, lane, run_at
       from mission_tasks force index (mission_tasks_claim)
       where state = 'init'
         and (method > :method_8 or method = :method_8 and (type > :type_8 or type = :type_8
           and (priority > :priority_8 or priority = :priority_8 and lane > :lane_8)))
       order by method, type, priority, lane, run_at
       limit 1) task
     left join mission_types rule on rule.type = task.type)) end as waiting
from mission_workers
order by id
