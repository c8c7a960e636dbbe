-- What was set for types: paused, how many may run, and whether creators take turns.
select type, paused, running_limit, fair
from mission_types
order by type
