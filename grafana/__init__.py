"""Dashboards and alert rules as code: `python -m grafana` writes the files for Grafana."""
