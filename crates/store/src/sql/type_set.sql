-- Sets a type to paused or not, and its running limit.
insert into mission_types (type, paused, running_limit)
values (:type, :paused, :running_limit)
on conflict (type) do update
set paused = coalesce(:paused_change, mission_types.paused),
    running_limit = case when :limit_change = 1 then excluded.running_limit else mission_types.running_limit end
