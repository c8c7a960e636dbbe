-- Makes the method's row where it is missing.
insert ignore into mission_methods (method)
values (:method)
