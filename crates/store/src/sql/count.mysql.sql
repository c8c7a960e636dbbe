-- How many tasks are in each state, counted no further than the bound.
select 'init' as state, count(*) as tasks from (select 1 as one from mission_tasks where state = 'init' limit :bound) counted
union all
select 'executing', count(*) from (select 1 as one from mission_tasks where state = 'executing' limit :bound) counted
union all
select 'success', count(*) from (select 1 as one from mission_tasks where state = 'success' limit :bound) counted
union all
select 'fail', count(*) from (select 1 as one from mission_tasks where state = 'fail' limit :bound) counted
union all
select 'cancelled', count(*) from (select 1 as one from mission_tasks where state = 'cancelled' limit :bound) counted
