"""The month that the transparency report counts, and the reports that became final."""
