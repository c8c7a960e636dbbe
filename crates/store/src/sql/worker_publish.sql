-- Publishes the methods a worker has.
insert into mission_worker_methods (worker_id, method)
select :worker_id, batch.method
from {batch: method text}
