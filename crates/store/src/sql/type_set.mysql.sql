-- Sets a type to paused or not, its running limit, and whether it is fair.
insert into mission_types (type, paused, running_limit, fair)
values (:type, :paused, :running_limit, :fair)
on duplicate key update
  paused = coalesce(:paused_change, paused),
  running_limit = case when :limit_change = 1 then values(running_limit) else running_limit end,
  fair = coalesce(:fair_change, fair)
