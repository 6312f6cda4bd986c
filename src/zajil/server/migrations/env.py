"""What Alembic runs: migrations on the connection that `zajil.server.schema.migrate` hands over."""

from alembic import context

from zajil.engine.sql.database import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
