-- Where the result files of these tasks lie.
select artifact.location
from {batch: id int}
join mission_artifacts artifact on artifact.task_id = batch.id
where artifact.storage = :storage
