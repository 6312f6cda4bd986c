"""What training reads: public sets, presumed benign lines, own templates, and an operator's own rows."""
