-- One task that no worker takes: what the fastest single push could cost.
insert into mission_tasks (method, params, creator, run_at)
values ('mission.bench', '{"rows":1000}', 'bench', 9000000000000000)
