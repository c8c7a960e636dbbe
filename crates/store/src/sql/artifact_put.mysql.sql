-- Stores the result files of tasks that succeed in this transaction; one that is there already is described anew.
insert into mission_artifacts
  (task_id, name, media_type, bytes, sha256, row_count, storage, location, expires_date)
select batch.task_id, batch.name, batch.media_type, batch.bytes, batch.sha256, batch.row_count, batch.storage,
  batch.location, case when batch.keep_us is not null then {now} + batch.keep_us end
from {batch: task_id int, name text, media_type text, bytes int, sha256 text, row_count int, storage text, location text, keep_us int}
on duplicate key update
  media_type = values(media_type),
  bytes = values(bytes),
  sha256 = values(sha256),
  row_count = values(row_count),
  storage = values(storage),
  location = values(location),
  created_date = {now},
  expires_date = values(expires_date),
  expired = 0
