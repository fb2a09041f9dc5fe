"""Django's MySQL backend, pooled, on PyMySQL where mysqlclient is not installed."""

try:
    import MySQLdb  # noqa: F401
except ImportError:
    import pymysql

    pymysql.install_as_MySQLdb()
