"""Runs inside Alembic: takes the open connection from `desktop.models.migrate`; there is no ini file."""

from __future__ import annotations

from alembic import context

from desktop.models.tables import Base


def run() -> None:
    """Upgrade within the transaction that the caller has begun and will commit."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=Base.metadata,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
