"""The steps that bring older books to this version's tables; they ship inside the program."""
