-- The result files of a storage whose time is over and whose files are still there, the oldest first.
select artifact.id, artifact.task_id, artifact.name, artifact.media_type, artifact.bytes, artifact.sha256, artifact.row_count, artifact.storage,
  artifact.location, artifact.created_date, artifact.expires_date, artifact.expired, {now} as now_us
from mission_artifacts artifact
where artifact.expired = 0
  and artifact.expires_date <= {now}
  and artifact.storage = :storage
order by artifact.expires_date
limit :limit
