-- A setting of this database.
select setting
from mission_settings
where name = :name
