-- Sets a type to paused or not, and its running limit.
insert into mission_types (type, paused, running_limit)
values (:type, :paused, :running_limit)
on duplicate key update
  paused = coalesce(:paused_change, paused),
  running_limit = case when :limit_change = 1 then values(running_limit) else running_limit end
