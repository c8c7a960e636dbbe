-- How a node stands in its Galera cluster; a server without Galera answers no row.
show global status
where variable_name in ('wsrep_cluster_size', 'wsrep_cluster_status', 'wsrep_local_state_comment')
