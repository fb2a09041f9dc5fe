"""Django's MySQL backend, pooled, on PyMySQL where mysqlclient is not installed."""

try:
    import MySQLdb  # type: ignore[import-untyped]  # noqa: F401  # the faster one, where it could be built
except ImportError:
    import pymysql

    pymysql.install_as_MySQLdb()
