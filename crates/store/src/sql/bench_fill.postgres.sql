-- Up to ten thousand tasks of one kind made inside the database, each due a microsecond after the one before.
-- Their ids are like those of tasks pushed within a second: four letters are the same, and two tell the part of it.
insert into mission_tasks (unique_id, method, params, type, creator, priority, state, run_at, attempt, lease_token, content)
select chr(97 + second / 17576 % 26) || chr(97 + second / 676 % 26) || chr(97 + second / 26 % 26) || chr(97 + second % 26)
    || chr(cast(97 + n * 676 / 10000 / 26 as integer)) || chr(cast(97 + n * 676 / 10000 % 26 as integer))
    || translate(right(gen_random_uuid()::text, 10), '0123456789', 'ghijklmnop'),
  :method, '{"rows":1000,"note":"as many bytes as the params of a usual task have, a hundred or so","n":' || n % 1000 || '}',
  :type, 'bench', :priority, :state, :due_us + n, cast(:attempt as bigint), cast(:attempt as bigint),
  case when cast(:attempt as bigint) > 0 then 'as many bytes as the answer of a usual method has: about sixty' end
from generate_series(0, :rows - 1) as number(n)
cross join (select cast(:last_id / 10000 as integer) as second) pushed
order by n
