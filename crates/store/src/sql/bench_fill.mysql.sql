-- Up to ten thousand tasks of one kind made inside the database, each due a microsecond after the one before.
-- Their ids ascend: random ones would fetch a page of the index for each row, and no claim looks at them.
insert into mission_tasks (unique_id, method, params, type, creator, priority, state, run_at, attempt, lease_token, content)
with recursive number(n) as (select 0 union all select n + 1 from number where n < 999)
select concat('bench_', lpad(:last_id + tens.n * 1000 + number.n + 1, 12, '0')), :method,
  concat('{"rows":1000,"note":"as many bytes as the params of a usual task have, a hundred or so","n":', number.n, '}'),
  :type, 'bench', :priority, :state, :due_us + tens.n * 1000 + number.n, :attempt, :attempt,
  case when :attempt > 0 then 'as many bytes as the answer of a usual method has: about sixty' end
from (select n from number where n < 10) tens
cross join number
where tens.n * 1000 + number.n < :rows
order by tens.n, number.n
