"""What the core knows, typed: rows of the store, one step over them, accounts, certificates, own key packages."""
