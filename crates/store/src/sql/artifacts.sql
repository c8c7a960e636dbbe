-- The result files of a task, or the one of a name.
select artifact.id, artifact.task_id, artifact.name, artifact.media_type, artifact.bytes, artifact.sha256, artifact.row_count, artifact.storage,
  artifact.location, artifact.created_date, artifact.expires_date, artifact.expired, {now} as now_us
from mission_artifacts artifact
where artifact.task_id = (select id from mission_tasks where unique_id = :unique_id)
  {if name: and artifact.name = :name}
order by artifact.name
