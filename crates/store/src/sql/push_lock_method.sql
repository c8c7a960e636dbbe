-- Holds the method's row until the end of the transaction, so that pushes without repeat go one after another.
insert into mission_methods (method, pushes)
values (:method, 1)
on conflict (method) do update
set pushes = mission_methods.pushes + 1
