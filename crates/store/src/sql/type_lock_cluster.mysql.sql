-- Writes a row for a type, because on a cluster only a write keeps other nodes' claims under a running limit away:
-- of two at once one is refused when it commits.
insert into mission_methods (method, pushes)
values (concat(' limit of type ', :type), 1)
on duplicate key update
  pushes = pushes + 1
