-- Up to ten thousand tasks of one kind made inside the database, each due a microsecond after the one before.
insert into mission_tasks (method, params, type, creator, priority, state, run_at, attempt, lease_token, content)
select :method, '{"rows":1000,"note":"as many bytes as the params of a usual task have, a hundred or so","n":' || n % 1000 || '}',
  :type, 'bench', :priority, :state, :due_us + n, cast(:attempt as bigint), cast(:attempt as bigint),
  case when cast(:attempt as bigint) > 0 then 'as many bytes as the answer of a usual method has: about sixty' end
from generate_series(0, :rows - 1) as number(n)
order by n
