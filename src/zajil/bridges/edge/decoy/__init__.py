"""A small, bland web site for whoever has none of their own. Own content is always better: nobody else has it."""
