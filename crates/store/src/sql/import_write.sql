-- Stores tasks that come from the original's table; one whose id is there already is left alone.
insert into mission_tasks
  (unique_id, method, params, type, creator, lane, state, reason, content, content_cut, run_at, created_date, modified_date)
select batch.unique_id, batch.method, batch.params, batch.type, batch.creator,
  case when batch.fair_lane is null then 0
    else coalesce((
      select batch.fair_lane
      from mission_types rule
      where rule.fair = 1 and rule.type = batch.type), 0) end,
  batch.state, batch.reason, batch.content, batch.content_cut, batch.run_at, batch.created_date, batch.modified_date
from {batch: unique_id text, method text, params text, type text, creator text, fair_lane int, state text, reason text, content text, content_cut int, run_at int, created_date int, modified_date int}
where not exists (
  select 1
  from mission_tasks task
  where task.unique_id = batch.unique_id)
