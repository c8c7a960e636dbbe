-- A thousand tasks made inside the database: what the fastest push could cost.
insert into mission_tasks (method, params, creator)
select 'mission.bench', '{"rows":1000,"note":"as many bytes as the params of a usual task have, a hundred or so","n":' || n || '}', 'bench'
from generate_series(1, 1000) as number(n)
