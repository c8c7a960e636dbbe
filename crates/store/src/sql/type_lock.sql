-- Holds a type's row until the end of the transaction, so that claims under a running limit go one after another.
select running_limit
from mission_types
where type = :type
for update
