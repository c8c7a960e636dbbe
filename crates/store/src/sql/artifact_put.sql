-- Stores the result files of tasks that succeed in this transaction; one that is there already is described anew.
insert into mission_artifacts
  (task_id, name, media_type, bytes, sha256, row_count, storage, location, expires_date)
select batch.task_id, batch.name, batch.media_type, batch.bytes, batch.sha256, batch.row_count, batch.storage,
  batch.location, case when batch.keep_us is not null then {now} + batch.keep_us end
from {batch: task_id int, name text, media_type text, bytes int, sha256 text, row_count int, storage text, location text, keep_us int}
where true
on conflict (task_id, name) do update
set media_type = excluded.media_type,
    bytes = excluded.bytes,
    sha256 = excluded.sha256,
    row_count = excluded.row_count,
    storage = excluded.storage,
    location = excluded.location,
    created_date = excluded.created_date,
    expires_date = excluded.expires_date,
    expired = 0
