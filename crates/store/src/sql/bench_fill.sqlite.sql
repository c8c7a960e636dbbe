-- Up to ten thousand tasks of one kind made inside the database, each due a microsecond after the one before.
-- Their ids ascend: random ones would write a page of the index for each row, and no claim looks at them.
with recursive number(n) as (select 0 union all select n + 1 from number where n < :rows - 1)
insert into mission_tasks (unique_id, method, params, type, creator, priority, state, run_at, attempt, lease_token, content)
select printf('bench_%012d', :last_id + n + 1), :method,
  '{"rows":1000,"note":"as many bytes as the params of a usual task have, a hundred or so","n":' || n % 1000 || '}',
  :type, 'bench', :priority, :state, :due_us + n, :attempt, :attempt,
  case when :attempt > 0 then 'as many bytes as the answer of a usual method has: about sixty' end
from number
