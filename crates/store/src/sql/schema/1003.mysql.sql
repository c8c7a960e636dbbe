-- Version 1003: fair types, whose creators take turns, on MySQL and MariaDB. Tables only grow: workers of 1002 go on beside.
-- The index has all that a push asks: what its read locks under a caller's REPEATABLE READ is not the row that claims lock.

set @mission_change = (
  select if(count(*) > 0, 'do 0', 'alter table mission_types
    add column fair smallint not null default 0,
    add key mission_types_fair (fair, type)')
  from information_schema.columns
  where table_schema = database()
    and table_name = 'mission_types'
    and column_name = 'fair');
prepare mission_change from @mission_change;
execute mission_change;
deallocate prepare mission_change;
