-- How many bytes a storage holds in result files.
select cast(coalesce(sum(bytes), 0) as signed) as bytes
from mission_artifacts
where storage = :storage
  and expired = 0
