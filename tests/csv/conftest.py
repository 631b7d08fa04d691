"""Open books on each database, as for the tests of the books."""

from tests.books.conftest import clock, new_books, office

__all__ = ["clock", "new_books", "office"]
