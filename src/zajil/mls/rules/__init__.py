"""The validation rules, one function per id, grouped by what they look at; `validate.RULES` lists them all."""
