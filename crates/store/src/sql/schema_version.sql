-- The version of the tables; null where none was marked yet.
select max(version) as version
from mission_migrations
