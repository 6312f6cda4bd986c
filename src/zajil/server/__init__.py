"""The server process: settings, wiring, gateway, HTTP, metrics, migrations. The only place that knows all services."""
