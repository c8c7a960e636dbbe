-- Statements that the server has answered since it was started, of all clients.
show global status where variable_name = 'Questions'
