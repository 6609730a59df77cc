"""The same rules through the command-line tool and through the library, compared both ways."""
