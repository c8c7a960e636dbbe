-- Whether the server is a node of a Galera cluster, where locks hold on one node only; a server without Galera answers no row.
show global variables
where variable_name = 'wsrep_on'
