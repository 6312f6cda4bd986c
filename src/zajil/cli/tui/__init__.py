"""`zajil chat`: what is shown (`desk`), how it looks (`looks`), and the widgets. Needs the extra `zajil[tui]`."""
