"""A stand-in for SQL Server that speaks its protocol, TDS 7.4 with TLS, to both real drivers.

It executes nothing: a function of the test answers the queries.
Source: https://learn.microsoft.com/openspecs/windows_protocols/ms-tds
"""
