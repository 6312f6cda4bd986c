"""Where data comes from: the folder outside the repository, the project's own templates, and labels by line hash."""
