-- Holds the method's row until the end of the transaction, so that pushes without repeat go one after another.
-- One statement: an update first and an insert where it hit nothing deadlocks by the thousand.
insert into mission_methods (method, pushes)
values (:method, 1)
on duplicate key update
  pushes = pushes + 1
