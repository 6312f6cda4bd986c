"""What meets the network: HTTP, WebSockets and carriers of POSTs on one port. The rules live behind `Gateway`."""
