-- The running limit of a type; the immediate transaction holds the whole database already.
select running_limit
from mission_types
where type = :type
