-- Sets a type to paused or not, its running limit, and whether it is fair.
insert into mission_types (type, paused, running_limit, fair)
values (:type, :paused, :running_limit, :fair)
on conflict (type) do update
set paused = coalesce(:paused_change, mission_types.paused),
    running_limit = case when :limit_change = 1 then excluded.running_limit else mission_types.running_limit end,
    fair = coalesce(:fair_change, mission_types.fair)
