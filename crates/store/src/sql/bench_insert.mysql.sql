-- A thousand tasks made inside the database: what the fastest push could cost.
insert into mission_tasks (method, params, creator)
with recursive number(n) as (select 1 union all select n + 1 from number where n < 1000)
select 'mission.bench', concat('{"rows":1000,"note":"as many bytes as the params of a usual task have, a hundred or so","n":', n, '}'), 'bench'
from number
