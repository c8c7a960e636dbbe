-- Notes that the file is not there any more, unless another has taken its place meanwhile.
update mission_artifacts
set expired = 1
where id = :id
  and location = :location
  and expired = 0
