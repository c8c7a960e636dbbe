-- Where the workers that claim hear hints.
select hint_address
from mission_workers
where hint_address is not null
  and leaving = 0
  and lease_until > {now}
order by id
