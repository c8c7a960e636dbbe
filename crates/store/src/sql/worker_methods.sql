-- Which worker has published which methods.
select worker_id, method
from mission_worker_methods
order by worker_id, method
