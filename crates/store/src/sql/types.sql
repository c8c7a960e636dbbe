-- What was set for types: paused, and how many may run.
select type, paused, running_limit
from mission_types
order by type
