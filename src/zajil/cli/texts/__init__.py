"""Every sentence the command line says, in English, Arabic and Russian: one module per subject, one constant a text."""
