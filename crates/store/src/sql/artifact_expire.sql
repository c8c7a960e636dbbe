-- Notes that the file is removed, unless another has taken its place meanwhile.
update mission_artifacts
set expired = 1
where id = :id
  and expired = 0
  and expires_date <= {now}
