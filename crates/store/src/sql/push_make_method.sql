-- Makes the method's row where it is missing.
insert into mission_methods (method)
values (:method)
on conflict do nothing
