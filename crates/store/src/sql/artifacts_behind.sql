-- The result files of a storage behind a known one, with whether their task is gone.
select artifact.id, artifact.task_id, artifact.name, artifact.media_type, artifact.bytes, artifact.sha256, artifact.row_count, artifact.storage,
  artifact.location, artifact.created_date, artifact.expires_date, artifact.expired, {now} as now_us,
  case when task.id is null then 1 else 0 end as is_orphan
from mission_artifacts artifact
left join mission_tasks task on task.id = artifact.task_id
where artifact.storage = :storage
  and artifact.id > :after
order by artifact.id
limit :limit
