//! Private database servers for tests: how each kind is laid out and started.

pub(crate) mod launch;
pub(crate) mod mariadb;
pub(crate) mod mysql;
pub(crate) mod mysql_unpack;
pub(crate) mod postgres;
