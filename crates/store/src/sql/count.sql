-- How many tasks are in each state, counted no further than the bound; each by its partial index where there is one.
select 'init' as state, count(*) as tasks from (select 1 as one from mission_tasks where state = 'init' limit :bound) counted
union all
select 'executing', count(*) from (select 1 as one from mission_tasks where worker_id > 0 and worker_id < 9223372036854775807 limit :bound) counted
union all
select 'success', count(*) from (select 1 as one from mission_tasks where state = 'success' limit :bound) counted
union all
select 'fail', count(*) from (select 1 as one from mission_tasks where state = 'fail' and state in ('fail', 'cancelled') limit :bound) counted
union all
select 'cancelled', count(*) from (select 1 as one from mission_tasks where state = 'cancelled' and state in ('fail', 'cancelled') limit :bound) counted
