-- The methods that workers on the list have published, with how many live workers have each.
select published.method, count(*) as workers
from mission_worker_methods published
join mission_workers worker on worker.id = published.worker_id
where worker.lease_until > {now}
  and worker.leaving = 0
group by published.method
order by published.method
