-- Holds the method's row until the end of the transaction, so that pushes without repeat go one after another.
update mission_methods
set pushes = pushes + 1
where method = :method
